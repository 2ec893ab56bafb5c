"""How far a submission is: how many are before it, how long it may take, how often it was begun anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from core.context import Actor, Context
from core.models import (
    DefinitionStage,
    DefinitionVersion,
    ProcessingStage,
    RequeueEvent,
    Task,
    TaskAttempt,
    TaskStageStatus,
)
from core.services.submissions.reading import find_task
from core.vocabulary import RequeueCause, StageStatus

MINIMUM = 8
"""With fewer samples of a stage nothing is said: a guess would be read as a promise."""

RECENT = 200
"""So many of the latest ended runs of a stage are looked at."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is left of the way in seconds: a quarter is faster than `low`, a tenth slower than `high`."""

    low: float
    high: float
    samples: int
    """Of the stage with the fewest."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What can be said about a submission that is under way.

    `ahead`: how many wait before it for the same queue; None while it runs. `span`: None with too
    few samples. `is_late`: its present stage has taken longer than all samples of it.
    """

    ahead: int | None
    span: Span | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class RequeueView:
    """A time that a submission was begun anew: `attempt` and `run` are those that it opened."""

    at: datetime
    cause: RequeueCause
    stage_name: str | None
    attempt: int
    run: int


def estimate(ctx: Context, actor: Actor, task_id: int) -> Estimate | None:
    """Place and rest of the way of the current attempt; None when it has ended.

    Taken from how long the same stages of the same definition took lately, waiting and running
    together. The ends of the span are sums over the stages to come, so it is rather too wide than
    too narrow.

    Raises:
        NotFound: there is none, or the actor may not know that it exists.

    """
    with ctx.db.transaction() as session:
        task, *_ = find_task(session, actor, task_id)
        if StageStatus(task.status_id).is_final:
            return None
        attempt = session.scalars(
            select(TaskAttempt).where(
                TaskAttempt.task_id == task.id, TaskAttempt.number == task.current_attempt
            )
        ).one()
        stages = session.scalars(
            select(TaskStageStatus)
            .where(
                TaskStageStatus.attempt_id == attempt.id,
                TaskStageStatus.status_id.in_((StageStatus.PENDING, StageStatus.IN_PROGRESS)),
            )
            .order_by(TaskStageStatus.position)
        ).all()
        if not stages:
            return None
        taken = [_recent(session, attempt, stage) for stage in stages]
        waits = stages[0].status_id == StageStatus.PENDING
        ahead = _count_ahead(session, attempt, stages[0]) if waits else None
    return _estimate(ctx.now(), stages[0], taken, ahead)


def list_requeues(ctx: Context, actor: Actor, task_id: int) -> tuple[RequeueView, ...]:
    """Each time that the submission was begun anew, the first one first. Who did it is not told.

    Raises:
        NotFound: there is none, or the actor may not know that it exists.

    """
    with ctx.db.transaction() as session:
        find_task(session, actor, task_id)
        rows = session.execute(
            select(RequeueEvent, ProcessingStage.stage_name)
            .outerjoin(ProcessingStage, ProcessingStage.id == RequeueEvent.stage_id)
            .where(RequeueEvent.task_id == task_id)
            .order_by(RequeueEvent.id)
        )
        return tuple(
            RequeueView(event.at, RequeueCause(event.cause), name, event.attempt, event.run)
            for event, name in rows
        )


@dataclass(frozen=True, slots=True)
class _Taken:
    """Seconds from queueing and from starting to the end, of one ended run of a stage."""

    in_all: float
    running: float


def _recent(session: Session, attempt: TaskAttempt, stage: TaskStageStatus) -> list[_Taken]:
    """The latest ended runs of the stage `stage`, in whatever version of the attempt's definition."""
    definition = (
        select(DefinitionVersion.definition_id)
        .where(DefinitionVersion.id == attempt.version_id)
        .scalar_subquery()
    )
    versions = select(DefinitionVersion.id).where(DefinitionVersion.definition_id == definition)
    rows = session.execute(
        select(TaskStageStatus.queued_at, TaskStageStatus.started_at, TaskStageStatus.ended_at)
        .join(TaskAttempt, TaskAttempt.id == TaskStageStatus.attempt_id)
        .join(Task, Task.id == TaskStageStatus.task_id)
        .where(
            Task.assignment_id.is_not(None),
            TaskStageStatus.stage_id == stage.stage_id,
            TaskStageStatus.ended_at.is_not(None),
            TaskAttempt.version_id.in_(versions),
        )
        .order_by(TaskStageStatus.ended_at.desc())
        .limit(RECENT)
    )
    return [
        _Taken((ended - queued).total_seconds(), (ended - started).total_seconds())
        for queued, started, ended in rows
        if queued is not None and started is not None and ended is not None
    ]


def _estimate(
    now: datetime, present: TaskStageStatus, taken: list[list[_Taken]], ahead: int | None
) -> Estimate:
    """The present stage is compared with those alone that took longer than it has taken already."""
    if present.started_at is not None:
        passed = (now - present.started_at).total_seconds()
        own = [sample.running for sample in taken[0]]
    else:
        passed = (now - present.queued_at).total_seconds() if present.queued_at else 0.0
        own = [sample.in_all for sample in taken[0]]
    left = [seconds - passed for seconds in own if seconds > passed]
    samples = [left, *([sample.in_all for sample in stage] for stage in taken[1:])]
    fewest = min(len(stage) for stage in samples)
    is_late = len(own) >= MINIMUM and not left
    if fewest < MINIMUM:
        return Estimate(ahead, None, is_late)
    cuts = [quantiles(stage, n=20, method="inclusive") for stage in samples]
    span = Span(sum(cut[4] for cut in cuts), sum(cut[17] for cut in cuts), fewest)
    return Estimate(ahead, span, is_late)


def _count_ahead(session: Session, attempt: TaskAttempt, stage: TaskStageStatus) -> int:
    """How many wait for the same queue and will be taken before, as far as can be told.

    What is with the broker goes first, in the order in which it came there; of what is not there
    yet, first attempts go before later ones. Dry runs are not counted.
    """
    route = aliased(DefinitionStage)
    own = (
        select(route.exchange, route.routing_key)
        .where(route.version_id == attempt.version_id, route.position == stage.position)
        .subquery()
    )
    mine = select(*_place()).join(TaskAttempt, TaskAttempt.id == TaskStageStatus.attempt_id)
    place = session.execute(mine.where(TaskStageStatus.id == stage.id)).one()
    return (
        session.scalar(
            select(func.count())
            .select_from(TaskStageStatus)
            .join(TaskAttempt, TaskAttempt.id == TaskStageStatus.attempt_id)
            .join(Task, Task.id == TaskStageStatus.task_id)
            .join(
                DefinitionStage,
                (DefinitionStage.version_id == TaskAttempt.version_id)
                & (DefinitionStage.position == TaskStageStatus.position),
            )
            .join(
                own,
                (own.c.exchange == DefinitionStage.exchange)
                & (own.c.routing_key == DefinitionStage.routing_key),
            )
            .where(
                Task.assignment_id.is_not(None),
                TaskStageStatus.status_id == StageStatus.PENDING,
                TaskStageStatus.queued_at.is_not(None),
                TaskAttempt.closed_at.is_(None),
                Task.status_id.in_((StageStatus.PENDING, StageStatus.IN_PROGRESS)),
                tuple_(*_place()) < tuple(place),
            )
        )
        or 0
    )


def _place() -> tuple[ColumnElement[Any] | InstrumentedAttribute[int], ...]:
    """What waiting stages are ordered by."""
    waits_here = TaskAttempt.published_at.is_(None)
    queued = case(
        (TaskStageStatus.position == 0, func.coalesce(TaskAttempt.published_at, TaskStageStatus.queued_at)),
        else_=TaskStageStatus.queued_at,
    )
    return waits_here, waits_here & (TaskAttempt.number > 1), queued, TaskStageStatus.id
