"""Causes of failures of a scope: weeks that are over from their tally, what is left from the rows.

docs/decisions/0022-failures-by-week.md
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    and_,
    cast,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.context import Actor
from core.models import (
    DefinitionVersion,
    FailureTally,
    FailureWeek,
    FailureWeekMark,
    ProcessingStage,
    Task,
    TaskDefinition,
)
from core.services.monitoring.counting import is_whole
from core.services.monitoring.scope import Scope
from core.services.monitoring.sources import Span, within
from core.services.monitoring.standing import (
    all_standing,
    by_cause,
    each_failure,
    is_latest_of_student,
    standing,
)

WEEK = timedelta(weeks=1)

CAUSE = (
    "failure_key",
    "sample",
    "failures",
    "first_seen",
    "last_seen",
    "students",
    "stages",
    "versions",
    "unsettled",
    "acknowledged",
    "owner",
    "note",
    "ended",
)
"""Columns of what is said of a cause, in the order of `by_cause`."""


def sum_by_cause(
    session: Session, actor: Actor, scope: Scope, edges: Sequence[datetime]
) -> Select[*tuple[Any, ...]]:
    """A row per cause of what stands failed in `scope`, with the names of its stages and definitions.

    `versions`: name and number of each version of a definition whose containers ran.

    `trend`: how many ended between two of `edges`, by the number of the earlier one from 1.

    Raises:
        NotSignedIn, NotAllowed, NotFound: as for every figure.

    """
    weeks = _held_weeks(session, scope) if _may_use_weeks(session, actor, scope) else []
    if weeks:
        query = standing(
            session, actor, scope, each_failure(is_latest=is_latest_of_student()), windowed=False
        ).where(within(Task.creation_timestamp, _left(scope, weeks)))
        each = query.cte("each_failure").prefix_with("MATERIALIZED")
        live = by_cause(each, func.count().filter(each.c.is_latest))
        stored = select(*(getattr(FailureTally, name) for name in CAUSE)).where(FailureTally.week.in_(weeks))
        parts = union_all(live, stored).cte("part").prefix_with("MATERIALIZED")
    else:
        each = standing(session, actor, scope, each_failure()).cte("each_failure").prefix_with("MATERIALIZED")
        live = by_cause(each, func.count(each.c.student_id.distinct()))
        parts = live.cte("part").prefix_with("MATERIALIZED")
    return _summed(parts, edges)


def week_rows(week: date) -> Select[*tuple[Any, ...]]:
    """What the tally holds of a week that begins on `week`: as `by_cause`, with the week before."""
    start = midnight(week)
    query = all_standing(each_failure(is_latest=is_latest_of_student()))
    each = query.where(within(Task.creation_timestamp, [(start, start + WEEK)])).cte("each_failure")
    each = each.prefix_with("MATERIALIZED")
    return by_cause(each, func.count().filter(each.c.is_latest)).add_columns(literal(week).label("week"))


def held() -> ColumnElement[bool]:
    """Of `FailureWeek`: nothing has changed since it was counted."""
    return ~select(FailureWeekMark.id).where(FailureWeekMark.week == FailureWeek.week).exists()


def midnight(day: date) -> datetime:
    """The beginning of a day."""
    return datetime.combine(day, time(), UTC)


def _may_use_weeks(session: Session, actor: Actor, scope: Scope) -> bool:
    """Students are counted at their latest failure: that adds up only where the window has no end."""
    return scope.until is None and scope.stage is None and is_whole(session, actor, scope)


def _held_weeks(session: Session, scope: Scope) -> list[date]:
    found = session.scalars(select(FailureWeek.week).where(held()).order_by(FailureWeek.week))
    return [week for week in found if scope.since is None or midnight(week) >= scope.since]


def _left(scope: Scope, weeks: Sequence[date]) -> list[Span]:
    left: list[Span] = []
    start = scope.since
    for week in weeks:
        begun = midnight(week)
        if start is None or start < begun:
            left.append((start, begun))
        start = begun + WEEK
    return [*left, (start, None)]


def _summed(part: CTE, edges: Sequence[datetime]) -> Select[*tuple[Any, ...]]:
    row = part.c
    total = (
        select(
            row.failure_key,
            func.min(row.sample).label("sample"),
            *(
                cast(func.sum(row[name]), BigInteger).label(name)
                for name in ("failures", "students", "unsettled", "acknowledged")
            ),
            func.min(row.first_seen).label("first_seen"),
            func.max(row.last_seen).label("last_seen"),
            func.max(row.owner).label("owner"),
            func.max(row.note).label("note"),
        )
        .group_by(row.failure_key)
        .subquery("total")
    )
    stages = _stages(part)
    definitions = _definitions(part)
    trend = _trend(part, edges)
    return (
        select(
            total,
            stages.c.names.label("stage_names"),
            definitions.c.names.label("definition_names"),
            definitions.c.versions,
            trend.c.trend,
        )
        .join(stages, stages.c.failure_key == total.c.failure_key)
        .join(definitions, definitions.c.failure_key == total.c.failure_key)
        .outerjoin(trend, trend.c.failure_key == total.c.failure_key)
    )


def _stages(part: CTE) -> Any:
    each = select(part.c.failure_key, func.unnest(part.c.stages).label("number")).distinct().subquery()
    return (
        select(each.c.failure_key, func.array_agg(ProcessingStage.stage_name.distinct()).label("names"))
        .join(ProcessingStage, ProcessingStage.id == each.c.number)
        .group_by(each.c.failure_key)
        .subquery()
    )


def _definitions(part: CTE) -> Any:
    each = select(part.c.failure_key, func.unnest(part.c.versions).label("number")).distinct().subquery()
    name = TaskDefinition.definition_name
    version = func.concat(name, " ", DefinitionVersion.number)
    return (
        select(
            each.c.failure_key,
            func.array_agg(name.distinct()).label("names"),
            func.array_agg(version.distinct()).label("versions"),
        )
        .join(DefinitionVersion, DefinitionVersion.id == each.c.number)
        .join(TaskDefinition, TaskDefinition.id == DefinitionVersion.definition_id)
        .group_by(each.c.failure_key)
        .subquery()
    )


def _trend(part: CTE, edges: Sequence[datetime]) -> Any:
    """Causes of a week that lie between two edges as a whole are counted whole, the others one by one."""
    row = part.c
    marks = cast(list(edges), ARRAY(DateTime(timezone=True)))
    first, last = func.width_bucket(row.first_seen, marks), func.width_bucket(row.last_seen, marks)
    begun = and_(row.last_seen >= edges[0], row.first_seen < edges[-1])
    whole = select(row.failure_key, first.label("place"), row.failures.label("count")).where(
        begun, first == last
    )
    moments = select(row.failure_key, func.unnest(row.ended).label("moment"))
    one = moments.where(begun, first != last).subquery().c
    single = select(one.failure_key, func.width_bucket(one.moment, marks), literal(1))
    each = union_all(whole.where(begun, first == last), single).subquery()
    places = (
        select(each.c.failure_key, each.c.place, cast(func.sum(each.c.count), BigInteger).label("count"))
        .group_by(each.c.failure_key, each.c.place)
        .subquery()
    )
    pairs = func.jsonb_object_agg(places.c.place, places.c.count)
    return select(places.c.failure_key, pairs.label("trend")).group_by(places.c.failure_key).subquery()
