"""Reading what failed stages printed, where their reports did not say it: nodes leave it in the archive."""

from __future__ import annotations

import tempfile
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from core import archive
from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import BadArchive, NotFound
from core.models import Assignment, DefinitionStage, Task, TaskAttempt, TaskStageStatus
from core.services import topics
from core.services.reports.reasons import Reason, choose_reason
from core.services.results import find_output
from core.vocabulary import StageStatus

_OUTPUT_READ = 1_000_000
"""Bytes from the beginning of an output in which the first error is looked for."""


def read_next_output(ctx: Context, actor: Actor, *, after: int = 0) -> int | None:
    """Find the first error of the next failed stage whose output was not read yet.

    Returns its id, or None if there is none with an id above `after`. Only one process at a time needs
    to call it; what is read twice has its effect once.

    Raises:
        StorageUnavailable: the file server does not answer; the stage stays unread.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT)
        row = _next(session, after)
    if row is None:
        return None
    found = choose_reason(row.reason, _read(ctx, row))
    with ctx.db.transaction() as session:
        _record(session, row, found)
    return int(row.id)


def _next(session: Session, after: int) -> Any:  # a row of the columns below, or None
    return session.execute(
        select(
            TaskStageStatus.id,
            TaskStageStatus.run,
            TaskStageStatus.task_id,
            TaskStageStatus.reason,
            TaskAttempt.file_path,
            DefinitionStage.exchange,
            DefinitionStage.routing_key,
            Assignment.course_id,
        )
        .join(TaskAttempt, TaskAttempt.id == TaskStageStatus.attempt_id)
        .join(
            DefinitionStage,
            (DefinitionStage.version_id == TaskAttempt.version_id)
            & (DefinitionStage.position == TaskStageStatus.position),
        )
        .join(Task, Task.id == TaskStageStatus.task_id)
        .outerjoin(Assignment, Assignment.id == Task.assignment_id)
        .where(
            TaskStageStatus.status_id == StageStatus.FAILED,
            TaskStageStatus.cause.is_(None),
            TaskStageStatus.id > after,
        )
        .order_by(TaskStageStatus.id)
        .limit(1)
    ).one_or_none()


def _read(ctx: Context, row: Row[tuple[object, ...]]) -> str:
    """Return the output of the stage; nothing where it left none that can be read."""
    with tempfile.TemporaryFile() as file:
        try:
            ctx.storage.download_to(row.file_path, file)
            names = {member.name for member in archive.list_members(file)}
            name = find_output(names, row.exchange, row.routing_key)
            if name is None:
                return ""
            return archive.read_member(file, name, max_bytes=_OUTPUT_READ).text or ""
        except (NotFound, BadArchive):
            return ""


def _record(session: Session, row: Row[tuple[object, ...]], found: Reason) -> None:
    changed = session.scalar(
        update(TaskStageStatus)
        .where(
            TaskStageStatus.id == row.id,
            TaskStageStatus.run == row.run,
            TaskStageStatus.status_id == StageStatus.FAILED,
            TaskStageStatus.cause.is_(None),
        )
        .values(reason=found.text, cause=found.cause or "")
        .returning(TaskStageStatus.id)
    )
    if changed is not None and found.cause:
        course = [topics.of_course(row.course_id), topics.MONITORING] if row.course_id else []
        notify(session, topics.of_task(row.task_id), *course)
