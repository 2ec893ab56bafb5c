"""Why a stage failed, from the lines of its log: the first error that it printed."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from core.first_error import find_first_error, is_summary
from core.models import TaskLog
from core.services.explanations import is_of_platform
from core.services.reports.effects import REASON_LIMIT
from core.services.reports.held import HeldAttempt, HeldStage, HeldTask
from core.vocabulary import LogLevel, LogSource

_LINES_READ = 1_000
"""Log entries of a stage that are read; a runner sends many lines in one."""


class Reason(NamedTuple):
    """`text` for people, `cause` as in `TaskStageStatus.cause`."""

    text: str | None
    cause: str | None


def find_reason(session: Session, task: HeldTask, attempt: HeldAttempt, stage: HeldStage) -> Reason:
    """Return why `stage` failed, as far as the log of this run says so.

    The last entry of level error is what its runner calls the reason. It stands if it is a sentence of the
    platform or tells the first error; else the first error of all that was printed comes before it.
    """
    entries = _entries(session, task, attempt, stage)
    last = next((text for text, level in reversed(entries) if level == LogLevel.ERROR), None)
    if last is not None and is_of_platform(last):
        return Reason(last[:REASON_LIMIT], "")
    return choose_reason(last, "\n".join(text for text, _ in entries))


def choose_reason(said: str | None, output: str) -> Reason:
    """Return the first error of `output`, or `said` where that tells the same or `output` tells none."""
    shown = said[:REASON_LIMIT] if said else None
    first = find_first_error(output)
    if first is None:
        return Reason(shown, None)
    if said and "\n" not in said.strip() and not is_summary(said):
        own = find_first_error(said)
        if own is not None and own.cause == first.cause:
            return Reason(shown, own.cause)
    return Reason(first.sentence, first.cause)


def _entries(
    session: Session, task: HeldTask, attempt: HeldAttempt, stage: HeldStage
) -> list[tuple[str, str]]:
    """Entries of this run that the stage's node sent; those that name no stage count for the one that ran."""
    of_stage = TaskLog.stage_id == stage.stage_id
    unnamed: ColumnElement[bool] = TaskLog.stage_id.is_(None)
    if stage.started_at is not None:
        unnamed &= TaskLog.logged_at >= stage.started_at
    rows = session.execute(
        select(TaskLog.log_message, TaskLog.level)
        .where(
            TaskLog.task_id == task.id,
            TaskLog.attempt == attempt.number,
            TaskLog.run == attempt.run,
            TaskLog.source == LogSource.ORCHESTRATOR,
            or_(of_stage, unnamed),
        )
        .order_by(TaskLog.id)
        .limit(_LINES_READ)
    )
    return [(str(text), str(level)) for text, level in rows]
