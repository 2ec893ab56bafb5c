"""Counting the days that are over, and counting them again to see that every number still holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.models import RequeueEvent, Tally, TallyDay, TallyMark, Task, TaskAttempt, TaskStageStatus
from core.services import failure_weeks
from core.services.failure_weeks import SETTLED, lock_alone
from core.services.monitoring.causes import midnight
from core.services.monitoring.sources import Kind, Span, tally_rows

_COLUMNS = ("kind", "at", "course_id", "definition_id", "stage_id", "detail", "count")


@dataclass(frozen=True, slots=True)
class Difference:
    """A number of a tally that is not what the rows say. 0 where the number is absent.

    Of a cause of failures `kind` is `failures`, `at` its week, and `detail` the cause and what differs.
    """

    kind: str
    at: datetime
    course_id: int
    definition_id: int
    stage_id: int
    detail: str
    tallied: object
    counted: object


@dataclass(frozen=True, slots=True)
class Recount:
    """What a recount found. `days` were compared; `marked` ones are read from the rows anyhow."""

    days: int
    marked: int
    differences: tuple[Difference, ...]


def count_days(ctx: Context, actor: Actor, *, limit: int = 2000) -> int:
    """Count days that are over and have no tally that holds, the latest first, at most `limit`; how many.

    So are the weeks of failures.
    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.RECOUNT)
        due = list(_days_due(session, ctx.now()))[:limit]
    for day in due:
        with ctx.db.transaction() as session:
            _count(session, day, ctx.now())
    failure_weeks.count_weeks(ctx, limit=limit)
    return len(due)


def recount(ctx: Context, actor: Actor, *, repair: bool = False) -> Recount:
    """Count every tallied day from its rows again and compare; with `repair`, mend those that differ."""
    with ctx.db.transaction() as session:
        require(session, actor, Right.RECOUNT)
        held = select(TallyDay.day).where(~_is_marked()).order_by(TallyDay.day)
        days = list(session.scalars(held))
        marked = session.scalar(select(func.count(TallyMark.day.distinct()))) or 0
    found: list[Difference] = []
    for day in days:
        with ctx.db.transaction() as session:
            lock_alone(session)
            if session.scalar(select(exists().where(TallyMark.day == day))):
                continue  # it has changed since the list was made
            wrong = _compare(session, day)
            if wrong and repair:
                _count(session, day, ctx.now())
        found += wrong
    found += [
        Difference("failures", midnight(one.week), 0, 0, 0, one.what, one.tallied, one.counted)
        for one in failure_weeks.compare_weeks(ctx, repair=repair)
    ]
    return Recount(len(days), marked, tuple(found))


def _days_due(session: Session, now: datetime) -> Iterator[date]:
    """Days that are over, back to the first with a row, without those whose tally holds."""
    moments = (Task.creation_timestamp, TaskAttempt.ended_at, TaskStageStatus.ended_at, RequeueEvent.at)
    firsts = [first for moment in moments if (first := session.scalar(select(func.min(moment)))) is not None]
    if not firsts:
        return
    held = set(session.scalars(select(TallyDay.day).where(~_is_marked())))
    first = min(firsts).astimezone(UTC).date()
    day = (now - SETTLED).astimezone(UTC).date() - timedelta(days=1)
    while day >= first:
        if day not in held:
            yield day
        day -= timedelta(days=1)


def _is_marked() -> ColumnElement[bool]:
    return exists().where(TallyMark.day == TallyDay.day)


def _count(session: Session, day: date, now: datetime) -> None:
    lock_alone(session)
    start, end = _span(day)
    session.execute(delete(TallyMark).where(TallyMark.day == day))
    session.execute(delete(Tally).where(Tally.at >= start, Tally.at < end))
    for kind in Kind:
        session.execute(insert(Tally).from_select(_COLUMNS, tally_rows(kind, (start, end))))
    made = upsert(TallyDay).values(day=day, made_at=now)
    session.execute(made.on_conflict_do_update(index_elements=["day"], set_={"made_at": now}))


def _compare(session: Session, day: date) -> list[Difference]:
    span: Span = _span(day)
    stored = select(*(getattr(Tally, name) for name in _COLUMNS)).where(
        Tally.at >= span[0], Tally.at < span[1]
    )
    tallied = {tuple(row[:-1]): int(row[-1]) for row in session.execute(stored)}
    counted = {
        tuple(row[:-1]): int(row[-1]) for kind in Kind for row in session.execute(tally_rows(kind, span))
    }
    return [
        _difference(key, tallied.get(key, 0), counted.get(key, 0))
        for key in sorted(tallied.keys() | counted.keys())
        if tallied.get(key, 0) != counted.get(key, 0)
    ]


def _difference(key: tuple[Any, ...], tallied: int, counted: int) -> Difference:
    return Difference(**dict(zip(_COLUMNS, key, strict=False)), tallied=tallied, counted=counted)


def _span(day: date) -> tuple[datetime, datetime]:
    start = midnight(day)
    return start, start + timedelta(days=1)
