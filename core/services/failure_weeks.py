"""Counting the failures of weeks that are over, and counting them again to see that the tally holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from core.context import Context
from core.models import FailureTally, FailureWeek, FailureWeekMark, Task
from core.services.monitoring.causes import CAUSE, WEEK, held, week_rows

SETTLED = timedelta(hours=1)
"""What is over is counted when it has been over for so long; most of what is late has come by then."""


@dataclass(frozen=True, slots=True)
class WrongCause:
    """Something of a cause in the tally of a week that is not what the rows say; None where it is absent."""

    week: date
    what: str
    tallied: object
    counted: object


def lock_alone(session: Session) -> None:
    """Wait until nobody is changing rows, and let nobody begin; the triggers share this lock."""
    session.execute(text("SET LOCAL lock_timeout = '5s'"))
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("tally", 0))))


def count_weeks(ctx: Context, *, limit: int) -> None:
    """Count weeks that are over and have no tally that holds, the latest first, at most `limit`."""
    with ctx.db.transaction() as session:
        due = list(_weeks_due(session, ctx.now()))[:limit]
    for week in due:
        with ctx.db.transaction() as session:
            _count(session, week, ctx.now())


def compare_weeks(ctx: Context, *, repair: bool) -> list[WrongCause]:
    """What differs in the weeks whose tally should hold; with `repair` it is mended."""
    with ctx.db.transaction() as session:
        weeks = list(session.scalars(select(FailureWeek.week).where(held()).order_by(FailureWeek.week)))
    found: list[WrongCause] = []
    for week in weeks:
        with ctx.db.transaction() as session:
            lock_alone(session)
            if session.scalar(select(exists().where(FailureWeekMark.week == week))):
                continue  # it has changed since the list was made
            wrong = list(_compare(session, week))
            if wrong and repair:
                _count(session, week, ctx.now())
        found += wrong
    return found


def _weeks_due(session: Session, now: datetime) -> Iterator[date]:
    first = session.scalar(select(func.min(Task.creation_timestamp)))
    if first is None:
        return
    counted = set(session.scalars(select(FailureWeek.week).where(held())))
    week = _monday(now - SETTLED) - WEEK
    while week >= _monday(first):
        if week not in counted:
            yield week
        week -= WEEK


def _monday(moment: datetime) -> date:
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _count(session: Session, week: date, now: datetime) -> None:
    lock_alone(session)
    session.execute(delete(FailureWeekMark).where(FailureWeekMark.week == week))
    session.execute(delete(FailureTally).where(FailureTally.week == week))
    session.execute(insert(FailureTally).from_select((*CAUSE, "week"), week_rows(week)))
    made = upsert(FailureWeek).values(week=week, made_at=now)
    session.execute(made.on_conflict_do_update(index_elements=["week"], set_={"made_at": now}))


def _compare(session: Session, week: date) -> Iterator[WrongCause]:
    stored = select(*(getattr(FailureTally, name) for name in CAUSE)).where(FailureTally.week == week)
    tallied = {row["failure_key"]: row for row in session.execute(stored).mappings()}
    counted = {row["failure_key"]: row for row in session.execute(week_rows(week)).mappings()}
    absent: Mapping[str, Any] = {}
    for key in sorted(tallied.keys() | counted.keys()):
        then, now = tallied.get(key, absent), counted.get(key, absent)
        for name in CAUSE:
            if then.get(name) != now.get(name):
                yield WrongCause(week, f"{key} {name}", then.get(name), now.get(name))
