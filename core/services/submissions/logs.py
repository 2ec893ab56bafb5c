"""The lines of a task's history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.models import ProcessingStage, TaskLog
from core.vocabulary import LogLevel, LogSource

LOG_PAGE = 500
"""Most lines of a log that are answered at once."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a task's history."""

    id: int
    attempt: int
    run: int
    stage_name: str | None
    level: LogLevel
    source: LogSource
    message: str
    logged_at: datetime


def read_lines(
    session: Session,
    task_id: int,
    before: int | None,
    limit: int,
    most: int | None,
    *,
    wanted: Sequence[ColumnElement[bool]] = (),
) -> tuple[LogLine, ...]:
    """The newest `limit` lines before the one with id `before`, of attempts up to `most`; None: no bound.

    `wanted`: further conditions on `TaskLog`.
    """
    query = (
        select(TaskLog, ProcessingStage.stage_name)
        .outerjoin(ProcessingStage, ProcessingStage.id == TaskLog.stage_id)
        .where(TaskLog.task_id == task_id, *wanted)
    )
    if most is not None:
        query = query.where(TaskLog.attempt <= most)
    if before is not None:
        query = query.where(TaskLog.id < before)
    rows = session.execute(query.order_by(TaskLog.id.desc()).limit(limit)).all()
    return tuple(
        LogLine(
            id=log.id,
            attempt=log.attempt,
            run=log.run,
            stage_name=stage_name,
            level=LogLevel(log.level),
            source=LogSource(log.source),
            message=log.log_message,
            logged_at=log.logged_at,
        )
        for log, stage_name in reversed(rows)
    )
