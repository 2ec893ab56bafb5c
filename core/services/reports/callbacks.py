"""What the orchestrator says over HTTP: a line, statuses, a requeue notice."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import NotFound, Required, UnknownStage, UnknownStatus
from core.models import ProcessingStage, Task, TaskAttempt, TaskMetrics, TaskStageStatus
from core.services.attempts import add_log, notify_task
from core.services.reports.held import HeldAttempt, HeldStage, HeldTask, hold
from core.services.reports.moves import move, settle
from core.services.reports.reasons import find_reason
from core.services.reports.runs import open_run
from core.services.reports.storing import store
from core.services.topics import of_task
from core.vocabulary import LogLevel, LogSource, RequeueCause, StageStatus
from core.wire.reports import MESSAGE_LIMIT


@dataclass(frozen=True, slots=True)
class LogReceived:
    """A log line that was recorded."""

    id: int
    task_id: int
    log_message: str
    logged_at: datetime


@dataclass(frozen=True, slots=True)
class TaskState:
    """Where a task stands after a report."""

    id: int
    attempt: int
    status: StageStatus
    stages: tuple[tuple[str, StageStatus], ...]


@dataclass(frozen=True, slots=True)
class RequeueNoted:
    """The counter after a requeue notice."""

    id: int
    task_id: int
    requeue_count: int


def add_task_log(
    ctx: Context,
    actor: Actor,
    task_id: int,
    message: str,
    *,
    stage: str | None = None,
    level: LogLevel = LogLevel.INFO,
    attempt: int | None = None,
) -> LogReceived:
    """Add a line to a task's log. `attempt`: None means the current one.

    Raises:
        NotFound: there is no such task or attempt.
        UnknownStage: `stage` is none of the task's.

    """
    if not message:
        raise Required(field="log_message")
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT_LOG)
        task = session.get(Task, task_id)
        if task is None:
            raise NotFound(what="submission")
        current = _attempt(session, task, attempt)
        was_stalled, current.stalled_at = current.stalled_at is not None, None
        stage_id = _stage_row(session, current, stage).stage_id if stage else None
        log = add_log(
            session,
            current,
            message.replace("\x00", "\ufffd")[:MESSAGE_LIMIT],
            at=ctx.now(),
            level=level,
            source=LogSource.ORCHESTRATOR,
            stage_id=stage_id,
        )
        session.flush()
        if was_stalled or level is LogLevel.ERROR:  # lists say who is stalled, and why one has failed
            notify_task(session, task)
        else:
            notify(session, of_task(task.id))
        return LogReceived(log.id, task_id, log.log_message, log.logged_at)


def _attempt(session: Session, task: Task, number: int | None) -> TaskAttempt:
    meant = TaskAttempt.closed_at.is_(None) if number is None else TaskAttempt.number == number
    found = session.scalar(select(TaskAttempt).where(TaskAttempt.task_id == task.id, meant))
    if found is None:
        raise NotFound(what="attempt")
    return found


def _stage_row(session: Session, attempt: TaskAttempt, name: str) -> TaskStageStatus:
    row = session.scalar(
        select(TaskStageStatus)
        .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        .where(TaskStageStatus.attempt_id == attempt.id, ProcessingStage.stage_name == name)
    )
    if row is None:
        raise UnknownStage(stage=name[:100])
    return row


def set_stage_statuses(
    ctx: Context, actor: Actor, task_id: int, changes: Mapping[str, object], *, attempt: int | None = None
) -> TaskState:
    """Move stages of a task: stage name → status id or name, all or nothing.

    `attempt`: None means the current one. Moves that are not forward change nothing and are kept
    in the history.

    Raises:
        NotFound: there is no such task or attempt.
        UnknownStage, UnknownStatus: one of them; nothing was changed.

    """
    if not changes:
        raise Required(field="stage")
    wanted = {name: parse_status(status) for name, status in changes.items()}
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT_STATUS)
        task, held = _held(session, task_id, attempt)
        held.hear()
        moves = [(_held_stage(held, name), status) for name, status in wanted.items()]
        for stage, status in sorted(moves, key=lambda entry: entry[0].position):
            _report(session, ctx, task, held, stage=stage, status=status)
        settle(task, held, at=ctx.now())
        store(session, [task], at=ctx.now())
        current = task.attempt()
        stages = current.stages if current else []
        return TaskState(
            task.id,
            task.current_attempt,
            task.status,
            tuple((stage.name, stage.status) for stage in stages),
        )


def note_requeue(ctx: Context, actor: Actor, task_id: int, *, attempt: int | None = None) -> RequeueNoted:
    """The orchestrator has put the task back itself: count it and open a new run.

    Stages that had not completed are PENDING again. Nothing is published. The *Task received…*
    that follows on the broker belongs to this run and is not counted again.

    Raises:
        NotFound: there is no such task or attempt.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT_REQUEUE)
        task, held = _held(session, task_id, attempt)
        if held.is_closed:
            task.note(held, "Late requeue notice for an earlier attempt")
        else:
            held.hear()
            open_run(task, held, RequeueCause.ORCHESTRATOR, at=ctx.now())
            first = held.first_unfinished()
            if first is not None:
                first.deliveries = []
        store(session, [task], at=ctx.now())
        metrics = session.scalars(select(TaskMetrics).where(TaskMetrics.task_id == task_id)).one()
        return RequeueNoted(metrics.id, task_id, metrics.requeue_count)


def parse_status(value: object) -> StageStatus:
    """A status by its id or its name.

    Raises:
        UnknownStatus: it is neither.

    """
    if isinstance(value, str) and value.upper() in StageStatus.__members__:
        return StageStatus[value.upper()]
    if isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            return StageStatus(value)
    raise UnknownStatus(status=str(value)[:40])


def _held(session: Session, task_id: int, number: int | None) -> tuple[HeldTask, HeldAttempt]:
    task = hold(session, [task_id]).get(task_id)
    if task is None:
        raise NotFound(what="submission")
    attempt = task.reported(number)
    if attempt is None:
        raise NotFound(what="attempt")
    return task, attempt


def _held_stage(attempt: HeldAttempt, name: str) -> HeldStage:
    stage = attempt.stage_named(name)
    if stage is None:
        raise UnknownStage(stage=name[:100])
    return stage


def _report(
    session: Session,
    ctx: Context,
    task: HeldTask,
    attempt: HeldAttempt,
    *,
    stage: HeldStage,
    status: StageStatus,
) -> None:
    before = stage.status
    if not move(attempt, stage, status, at=ctx.now()):
        said = f"Late or repeated report: {stage.name} {status.name} (stays {before.name})"
        task.note(attempt, said, stage=stage)
        return
    task.note(attempt, f"{stage.name}: {before.name} → {status.name}", stage=stage)
    if status is StageStatus.FAILED:
        stage.reason, stage.cause = find_reason(session, task, attempt, stage)
