"""Counts by time within a scope: days that are over from their tally, what is left from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Subquery, and_, cast, func, or_, select, union_all
from sqlalchemy.orm import Session

from core.auth import Right, courses_with
from core.context import Actor
from core.models import Tally, TallyDay, TallyMark
from core.services.monitoring.scope import Scope, inside
from core.services.monitoring.sources import WHOLE, Kind, Span, live_rows

_DAY = timedelta(days=1)


def counted(session: Session, actor: Actor, scope: Scope, kind: Kind, *, by_course: bool = False) -> Subquery:
    """Counts within `scope`, its window: `at`, `course_id`, `definition_id`, `stage_id`, `detail`, `count`.

    The window is that of the kind's own moment. The scope's stage is left to the caller. Only `by_course`
    promises that `course_id` is that of a course: else it may stand for all of them.

    Raises:
        NotSignedIn, NotAllowed, NotFound: as `inside`.

    """
    conditions = inside(session, actor, scope, windowed=False)
    tallied = [] if scope.assignment_id is not None else tallied_spans(session, scope)
    live = live_rows(kind, spans_between(scope, tallied), conditions)
    if not tallied:
        return live.subquery()
    columns = (Tally.at, Tally.course_id, Tally.definition_id, Tally.stage_id, Tally.detail, Tally.count)
    stored = select(*columns).where(
        Tally.kind == kind.value,
        *_places(session, actor, scope, by_course=by_course),
        or_(*(and_(Tally.at >= start, Tally.at < end) for start, end in tallied)),
    )
    return union_all(stored, live).subquery()


def whole_sum(count: ColumnElement[int]) -> ColumnElement[int]:
    """The sum of counts as a whole number; 0 of nothing."""
    return cast(func.coalesce(func.sum(count), 0), BigInteger)


def is_whole(session: Session, actor: Actor, scope: Scope) -> bool:
    """Whether `scope` is all that there is, for an actor who may see all of it."""
    named = (scope.course_id, scope.assignment_id, scope.definition_id)
    return named == (None, None, None) and courses_with(session, actor, Right.MONITOR) is None


def _places(session: Session, actor: Actor, scope: Scope, *, by_course: bool) -> list[ColumnElement[bool]]:
    if not by_course and is_whole(session, actor, scope):
        return [Tally.course_id == WHOLE]
    allowed = courses_with(session, actor, Right.MONITOR)
    places: list[ColumnElement[bool]] = []
    places.append(Tally.course_id != WHOLE if allowed is None else Tally.course_id.in_(allowed))
    if scope.course_id is not None:
        places.append(Tally.course_id == scope.course_id)
    if scope.definition_id is not None:
        places.append(Tally.definition_id == scope.definition_id)
    return places


def tallied_spans(session: Session, scope: Scope) -> list[tuple[datetime, datetime]]:
    """The days that lie in the window as a whole and whose tally holds, in runs of days, in order of time."""
    marked = select(TallyMark.id).where(TallyMark.day == TallyDay.day).exists()
    inside_window: list[ColumnElement[bool]] = [~marked]
    if scope.since is not None:
        inside_window.append(
            TallyDay.day >= (scope.since.astimezone(UTC) + _DAY - timedelta.resolution).date()
        )
    if scope.until is not None:
        inside_window.append(TallyDay.day < scope.until.astimezone(UTC).date())
    number = func.row_number().over(order_by=TallyDay.day)
    days = select(TallyDay.day, (TallyDay.day - cast(number, Integer)).label("run"))
    found = days.where(*inside_window).subquery()
    runs: Sequence[Any] = session.execute(
        select(func.min(found.c.day), func.max(found.c.day))
        .group_by(found.c.run)
        .order_by(func.min(found.c.day))
    ).all()
    return [(_midnight(first), _midnight(last) + _DAY) for first, last in runs]


def spans_between(scope: Scope, tallied: Sequence[tuple[datetime, datetime]]) -> list[Span]:
    """What is left of the window beside `tallied`."""
    left: list[Span] = []
    start = scope.since
    for begun, ended in tallied:
        if start is None or start < begun:
            left.append((start, begun))
        start = ended
    if scope.until is None or start is None or start < scope.until:
        left.append((start, scope.until))
    return left


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), UTC)
