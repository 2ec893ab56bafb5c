"""The log of a submission as it is followed and searched: all of its lines, not those of a page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, func, or_, select

from core.context import Actor, Context
from core.models import TaskLog
from core.services.submissions.logs import LOG_PAGE, LogLine, read_lines
from core.services.submissions.reading import find_task
from core.vocabulary import LogLevel, LogSource


@dataclass(frozen=True, slots=True)
class LogPart:
    """Lines that match, oldest first, and how many there are in the whole log."""

    lines: tuple[LogLine, ...]
    matching: int


def read_log(
    ctx: Context,
    actor: Actor,
    task_id: int,
    *,
    words: str = "",
    platform_words: Collection[str] = (),
    levels: Collection[LogLevel] = (),
    around: int | None = None,
    limit: int = LOG_PAGE,
) -> LogPart:
    """The newest `limit` lines that hold `words`, capitals or not, and are of `levels`; empty: of any.

    A line of the platform matches with one of `platform_words`, too: what it is recorded as, where
    the reader sees it in another language.
    `around` is the id of a line: the answer is then those before it and as many after it.

    Raises:
        NotFound: there is no such submission, or the actor may not know that it exists.

    """
    limit = max(2, min(limit, LOG_PAGE))
    with ctx.db.transaction() as session:
        task, *_ = find_task(session, actor, task_id)
        most = task.current_attempt if task.created_by_id == actor.user_id else None
        wanted: list[ColumnElement[bool]] = []
        if words.strip():
            wanted.append(_holds(words.strip(), platform_words))
        if levels:
            wanted.append(TaskLog.level.in_([level.value for level in levels]))
        before = None
        if around is not None:
            later = select(TaskLog.id).where(TaskLog.task_id == task_id, TaskLog.id > around, *wanted)
            ids = session.scalars(later.order_by(TaskLog.id).limit(limit // 2)).all()
            before = (ids[-1] if ids else around) + 1
        lines = read_lines(session, task_id, before, limit, most, wanted=wanted)
        counted = select(func.count()).where(TaskLog.task_id == task_id, *wanted)
        if most is not None:
            counted = counted.where(TaskLog.attempt <= most)
        return LogPart(lines, session.scalar(counted) or 0)


def _holds(words: str, platform_words: Collection[str]) -> ColumnElement[bool]:
    said = [TaskLog.log_message.icontains(text, autoescape=True) for text in platform_words]
    return or_(
        TaskLog.log_message.icontains(words, autoescape=True),
        and_(TaskLog.source == LogSource.PLATFORM, or_(false(), *said)),
    )
