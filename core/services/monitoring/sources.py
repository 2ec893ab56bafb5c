"""What is counted by time, from which rows: the one definition for live figures, tallies and the recount."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)

from core.models import Assignment, RequeueEvent, Task, TaskAttempt, TaskStageStatus
from core.services.monitoring.scope import joined
from core.vocabulary import FailedBy, StageStatus

GROWTH = 1.04
"""Each bin of durations reaches so many times as far as the one before; its middle is off by 2 % at most."""

SHORTEST_SECONDS = 0.001
"""Durations below are counted as this long."""

WHOLE = 0
"""Stands for all courses together, or all definitions."""

Span = tuple[datetime | None, datetime | None]
"""From (included) and to (excluded); None is open."""


class Kind(StrEnum):
    """What is counted, at which moment, by which detail."""

    SUBMITTED = "submitted"
    """Tasks by the hour of submission; detail: the id of their status."""
    STAGE = "stage"
    """Stages of current attempts by the hour of submission of their task; detail: the id of their status."""
    ENDED = "ended"
    """Tasks by the hour in which the current attempt ended; detail: completed, failed or crashed."""
    REQUEUED = "requeued"
    """Requeues by hour; detail: the cause."""
    WAITED = "waited"
    """Stages by the day on which they ended; detail: the bin of how long they waited."""
    RAN = "ran"
    """As `WAITED`, of how long they ran."""


DURATIONS = (Kind.WAITED, Kind.RAN)
"""Tallied for the whole platform only: a course has about as many bins as durations."""


class _Source(NamedTuple):
    query: Select[*tuple[Any, ...]]
    moment: Any
    grain: str
    stage_id: Any
    detail: Any


def live_rows(
    kind: Kind, spans: Sequence[Span], conditions: Sequence[ColumnElement[bool]]
) -> Select[*tuple[Any, ...]]:
    """Counts of `spans` from the rows: `at`, `course_id`, `definition_id`, `stage_id`, `detail`, `count`."""
    source = _source(kind)
    raw = (
        source.query.add_columns(
            func.date_trunc(source.grain, source.moment, "UTC").label("at"),
            Assignment.course_id.label("course_id"),
            Assignment.definition_id.label("definition_id"),
            source.stage_id.label("stage_id"),
            source.detail.label("detail"),
        )
        .where(*conditions, within(source.moment, spans))
        .subquery()
    )
    columns = (raw.c.at, raw.c.course_id, raw.c.definition_id, raw.c.stage_id, raw.c.detail)
    return select(*columns, func.count().label("count")).group_by(*columns)


def tally_rows(kind: Kind, span: Span) -> Select[*tuple[Any, ...]]:
    """What the tally holds of `span`: as `live_rows`, with `kind`, and the sums over all courses."""
    each = live_rows(kind, [span], []).cte()
    definition = each.c.definition_id if kind is Kind.REQUEUED else literal(WHOLE)
    summed = select(
        each.c.at,
        literal(WHOLE).label("course_id"),
        definition.label("definition_id"),
        each.c.stage_id,
        each.c.detail,
        cast(func.sum(each.c.count), Integer).label("count"),
    ).group_by(each.c.at, each.c.stage_id, each.c.detail, *([definition] if kind is Kind.REQUEUED else []))
    parts = [summed] if kind in DURATIONS else [summed, select(each)]
    everything = union_all(*parts).subquery()
    return select(literal(kind.value).label("kind"), *everything.c)


def within(moment: Any, spans: Sequence[Span]) -> ColumnElement[bool]:
    """That `moment` is known and lies in one of `spans`."""
    parts = [
        and_(
            moment.is_not(None),
            *([] if start is None else [moment >= start]),
            *([] if end is None else [moment < end]),
        )
        for start, end in spans
    ]
    return or_(*parts) if parts else false()


def _source(kind: Kind) -> _Source:
    none = literal(0)
    tasks = select().select_from(Task).join(Assignment, Assignment.id == Task.assignment_id)
    stages = joined(select().select_from(TaskStageStatus))
    if kind is Kind.SUBMITTED:
        return _Source(tasks, Task.creation_timestamp, "hour", none, cast(Task.status_id, Text))
    if kind is Kind.STAGE:
        detail = cast(TaskStageStatus.status_id, Text)
        return _Source(stages, Task.creation_timestamp, "hour", TaskStageStatus.stage_id, detail)
    if kind is Kind.ENDED:
        current = and_(TaskAttempt.task_id == Task.id, TaskAttempt.number == Task.current_attempt)
        ended = tasks.join(TaskAttempt, current).where(
            Task.status_id.in_((StageStatus.COMPLETED, StageStatus.FAILED))
        )
        return _Source(ended, TaskAttempt.ended_at, "hour", none, _verdict())
    if kind is Kind.REQUEUED:
        events = (
            select()
            .select_from(RequeueEvent)
            .join(Task, Task.id == RequeueEvent.task_id)
            .join(Assignment, Assignment.id == Task.assignment_id)
        )
        stage = func.coalesce(RequeueEvent.stage_id, 0)
        return _Source(events, RequeueEvent.at, "hour", stage, RequeueEvent.cause)
    seconds = waited_seconds() if kind is Kind.WAITED else ran_seconds()
    detail = cast(cast(bin_of(seconds), Integer), Text)
    known = stages.where(seconds >= 0)
    return _Source(known, TaskStageStatus.ended_at, "day", TaskStageStatus.stage_id, detail)


def _verdict() -> ColumnElement[str]:
    crashed = exists(
        select(TaskStageStatus.id).where(
            TaskStageStatus.attempt_id == TaskAttempt.id,
            TaskStageStatus.status_id == StageStatus.FAILED,
            TaskStageStatus.failed_by.in_((FailedBy.CRASH, FailedBy.UPLOAD)),
        )
    )
    return case((Task.status_id == StageStatus.COMPLETED, "completed"), (crashed, "crashed"), else_="failed")


def waited_seconds() -> ColumnElement[float]:
    """How long a stage waited."""
    return _seconds(TaskStageStatus.queued_at, TaskStageStatus.started_at)


def ran_seconds() -> ColumnElement[float]:
    """How long a stage ran."""
    return _seconds(TaskStageStatus.started_at, TaskStageStatus.ended_at)


def _seconds(start: object, end: object) -> ColumnElement[float]:
    return cast(func.extract("epoch", end - start), Float)  # type: ignore[operator]  # columns of either nullability


def bin_of(seconds: ColumnElement[float]) -> ColumnElement[float]:
    """The number of the bin: the least whole `n` with `GROWTH` ** n ≥ `seconds`.

    The mapping of DDSketch (arXiv:1908.10693): bins add up and can be taken away again.
    """
    return func.ceil(func.ln(func.greatest(seconds, SHORTEST_SECONDS)) / func.ln(cast(GROWTH, Float)))


def middle_of(number: int) -> float:
    """Seconds in the middle of a bin: no duration in it is off by more than (`GROWTH` - 1) / 2."""
    return 2 * float(GROWTH**number) / (1 + GROWTH)
