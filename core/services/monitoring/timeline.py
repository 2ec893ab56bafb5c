"""What is drawn over time: waits and runs, arrivals against what ended, and what may explain a change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from core.context import Actor, Context
from core.models import Assignment, DefinitionVersion, TaskDefinition
from core.services.monitoring.scope import Scope, inside, window
from core.services.monitoring.summary import HourCount, count_by_hour
from core.services.monitoring.times import LatencyPoint, latency_zone, trace_latency
from core.vocabulary import TimeSpan

A_WEEK = timedelta(days=7)
HOURS_UP_TO = timedelta(days=3)
DAYS_UP_TO = timedelta(days=92)
MOST_MARKS = 12
"""More lines than that hide the chart."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A definition got a new version: from then on its tasks were worked on in another way."""

    at: datetime
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """One window. `throughput` is by `span` as it falls in a zone, `latency` as it falls in `latency_zone`.

    `week_before`: the throughput of the same window a week earlier, at the moments it had then; empty
    where the window has no beginning.
    """

    span: TimeSpan
    latency: tuple[LatencyPoint, ...]
    latency_zone: str
    throughput: tuple[HourCount, ...]
    week_before: tuple[HourCount, ...]
    marks: tuple[Mark, ...]


def fitting_span(scope: Scope, now: datetime) -> TimeSpan:
    """Hours, days or weeks, so that a window has some fifty to ninety points at most."""
    if scope.since is None:
        return TimeSpan.WEEK
    length = (scope.until or now) - scope.since
    if length <= HOURS_UP_TO:
        return TimeSpan.HOUR
    return TimeSpan.DAY if length <= DAYS_UP_TO else TimeSpan.WEEK


def read_timeline(
    ctx: Context, actor: Actor, scope: Scope, *, span: TimeSpan | None = None, zone: str = "UTC"
) -> Timeline:
    """Everything that is drawn over time within the scope; by the fitting span unless one is given.

    Raises:
        NotSignedIn, NotAllowed, NotFound: as for every figure.

    """
    chosen = span or fitting_span(scope, ctx.now())
    before: list[HourCount] = []
    if scope.since is not None:
        earlier = replace(scope, since=scope.since - A_WEEK, until=(scope.until or ctx.now()) - A_WEEK)
        before = count_by_hour(ctx, actor, earlier, span=chosen, zone=zone)
    return Timeline(
        span=chosen,
        latency=tuple(trace_latency(ctx, actor, scope, chosen, zone=zone)),
        latency_zone=latency_zone(ctx, actor, scope, chosen, zone),
        throughput=tuple(count_by_hour(ctx, actor, scope, span=chosen, zone=zone)),
        week_before=tuple(before),
        marks=tuple(list_marks(ctx, actor, scope)),
    )


def list_marks(ctx: Context, actor: Actor, scope: Scope) -> list[Mark]:
    """The latest changes within the window of definitions that the scope uses, in order of time."""
    with ctx.db.transaction() as session:
        inside(session, actor, scope)
        used = select(Assignment.definition_id).where(
            *inside(session, actor, replace(scope, assignment_id=None), windowed=False),
            *([] if scope.assignment_id is None else [Assignment.id == scope.assignment_id]),
        )
        rows = session.execute(
            select(DefinitionVersion.created_at, TaskDefinition.definition_name, DefinitionVersion.number)
            .join(TaskDefinition, TaskDefinition.id == DefinitionVersion.definition_id)
            .where(
                DefinitionVersion.number > 1,
                DefinitionVersion.definition_id.in_(used),
                *window(DefinitionVersion.created_at, scope),
            )
            .order_by(DefinitionVersion.created_at.desc())
            .limit(MOST_MARKS)
        ).all()
        return [Mark(at, name, number) for at, name, number in reversed(rows)]
