"""What waits and runs at this moment, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.models import Assignment, OutboxMessage, ProcessingStage, Task, TaskAttempt, TaskStageStatus
from core.services.monitoring.counting import counted, whole_sum
from core.services.monitoring.scope import Scope, at_stage, inside, is_under_way, joined, runs, waits
from core.services.monitoring.sources import Kind
from core.vocabulary import StageStatus


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Tasks that have not ended: how many wait and run, and since when the oldest of them waits."""

    waiting: int
    running: int
    oldest_waiting: datetime | None


@dataclass(frozen=True, slots=True)
class StageQueue:
    """What waits for one stage and runs in it."""

    stage_name: str
    waiting: int
    running: int
    oldest_waiting_seconds: float | None


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue as a whole. `outbox`: messages that the broker has not got yet."""

    waiting: int
    running: int
    oldest_waiting_seconds: float | None
    outbox: int
    stages: tuple[StageQueue, ...]


def read_queue(ctx: Context, actor: Actor, scope: Scope) -> Queue:
    """What waits and runs now, within `scope`."""
    with ctx.db.transaction() as session:
        conditions = inside(session, actor, scope)
        now = count_under_way(session, conditions, scope)
        query = (
            select(
                ProcessingStage.stage_name,
                func.count().filter(waits()),
                func.count().filter(runs()),
                func.min(TaskStageStatus.queued_at).filter(waits()),
            )
            .select_from(TaskStageStatus)
            .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        )
        stages = session.execute(
            joined(query)
            .where(*conditions, is_under_way(), *at_stage(scope))
            .group_by(ProcessingStage.stage_name)
            .order_by(func.min(TaskStageStatus.position), ProcessingStage.stage_name)
        ).all()
        return Queue(
            waiting=now.waiting,
            running=now.running,
            oldest_waiting_seconds=seconds_since(ctx, now.oldest_waiting),
            outbox=session.scalar(outbox(conditions)) or 0,
            stages=tuple(
                StageQueue(name, waiting, running, seconds_since(ctx, oldest))
                for name, waiting, running, oldest in stages
            ),
        )


def seconds_since(ctx: Context, moment: datetime | None) -> float | None:
    """Seconds from `moment` to now."""
    return None if moment is None else (ctx.now() - moment).total_seconds()


def count_under_way(session: Session, conditions: list[ColumnElement[bool]], scope: Scope) -> UnderWay:
    """Tasks that wait and tasks that run; with the scope's stage, those that do so there.

    A task runs when one of its stages is in progress, else it waits.
    """
    tasks = (
        joined(
            select(
                func.bool_or(runs()).label("runs"),
                func.min(TaskStageStatus.queued_at).filter(waits()).label("queued"),
            ).select_from(TaskStageStatus)
        )
        .where(*conditions, is_under_way(), *at_stage(scope))
        .group_by(Task.id)
        .subquery()
    )
    is_waiting = ~tasks.c.runs & tasks.c.queued.is_not(None)
    waiting, running, oldest = session.execute(
        select(
            func.count().filter(is_waiting),
            func.count().filter(tasks.c.runs),
            func.min(tasks.c.queued).filter(is_waiting),
        )
    ).one()
    return UnderWay(waiting, running, oldest)


def count_ended(session: Session, actor: Actor, scope: Scope) -> dict[StageStatus, int]:
    """Tasks by status; with the scope's stage, by that of the stage."""
    found = counted(session, actor, scope, Kind.SUBMITTED if scope.stage is None else Kind.STAGE)
    stage = [] if scope.stage is None else at_stage(scope, found.c.stage_id)
    rows = session.execute(
        select(found.c.detail, whole_sum(found.c.count)).where(*stage).group_by(found.c.detail)
    )
    return {StageStatus(int(status)): count for status, count in rows}


def outbox(conditions: list[ColumnElement[bool]]) -> Select[int]:
    """How many messages of live attempts wait for the broker."""
    return (
        select(func.count(OutboxMessage.id))
        .join(TaskAttempt, TaskAttempt.id == OutboxMessage.attempt_id)
        .join(Task, Task.id == TaskAttempt.task_id)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .where(OutboxMessage.published_at.is_(None), TaskAttempt.closed_at.is_(None), *conditions)
    )
