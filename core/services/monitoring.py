"""Figures for those who watch: how many wait, run, failed, were requeued. All of them recounts.

A task *waits* when it has not ended and none of its stages is in progress; it *runs* when one is.
Stages after a failed one are not run and count in no waiting figure (contract 1.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from core.auth import Right, courses_with, require
from core.context import Actor, Context
from core.models import (
    Assignment,
    OutboxMessage,
    ProcessingStage,
    RequeueEvent,
    Task,
    TaskAttempt,
    TaskMetrics,
    TaskStageStatus,
    User,
)
from core.vocabulary import RequeueCause, StageStatus


@dataclass(frozen=True, slots=True)
class Scope:
    """Which tasks are counted; None means all that the actor may see. `since` ≤ time < `until`."""

    course_id: int | None = None
    assignment_id: int | None = None
    definition_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of tasks by what they do now, and of requeues. Times in seconds."""

    waiting: int
    running: int
    completed: int
    failed: int
    requeues: int
    outbox: int
    oldest_waiting_seconds: float | None


@dataclass(frozen=True, slots=True)
class StageCount:
    """One stage over all counted tasks, by the current attempt of each."""

    stage_name: str
    waiting: int
    running: int
    completed: int
    failed: int


@dataclass(frozen=True, slots=True)
class HourCount:
    """What happened within the hour that begins at `hour` (UTC)."""

    hour: datetime
    submitted: int
    completed: int
    failed: int
    requeued: int


@dataclass(frozen=True, slots=True)
class RequeueCount:
    """Requeues of one hour and stage with one cause."""

    hour: datetime
    stage_name: str | None
    cause: RequeueCause
    count: int


@dataclass(frozen=True, slots=True)
class FailedTask:
    """A task that stands failed, and why."""

    task_id: int
    reference: str
    student_email: str
    assignment_name: str
    stage_name: str
    reason: str | None
    failed_at: datetime
    attempt: int
    requeue_count: int


def summarise(ctx: Context, actor: Actor, scope: Scope) -> Summary:
    """Counts over all tasks in `scope`."""
    with ctx.db.transaction() as session:
        inside = _inside(session, actor, scope)
        counts = {
            StageStatus(status): count
            for status, count in session.execute(
                select(Task.status_id, func.count())
                .join(Assignment, Assignment.id == Task.assignment_id)
                .where(*inside)
                .group_by(Task.status_id)
            )
        }
        running = session.scalar(_current_stages(inside, func.count(Task.id.distinct()), _runs())) or 0
        oldest = session.scalar(_current_stages(inside, func.min(TaskStageStatus.queued_at), _waits()))
        under_way = counts.get(StageStatus.PENDING, 0) + counts.get(StageStatus.IN_PROGRESS, 0)
        return Summary(
            waiting=under_way - running,
            running=running,
            completed=counts.get(StageStatus.COMPLETED, 0),
            failed=counts.get(StageStatus.FAILED, 0),
            requeues=_count_requeues(session, inside),
            outbox=session.scalar(_outbox(inside)) or 0,
            oldest_waiting_seconds=(ctx.now() - oldest).total_seconds() if oldest else None,
        )


def count_by_stage(ctx: Context, actor: Actor, scope: Scope) -> list[StageCount]:
    """Each stage's counts, by name."""
    with ctx.db.transaction() as session:
        inside = _inside(session, actor, scope)
        columns = (
            ProcessingStage.stage_name,
            func.count().filter(_waits()),
            func.count().filter(_runs()),
            func.count().filter(TaskStageStatus.status_id == StageStatus.COMPLETED),
            func.count().filter(TaskStageStatus.status_id == StageStatus.FAILED),
        )
        query = (
            select(*columns)
            .select_from(TaskStageStatus)
            .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        )
        rows = session.execute(
            _joined(query)
            .where(*inside)
            .group_by(ProcessingStage.stage_name)
            .order_by(ProcessingStage.stage_name)
        )
        return [StageCount(*row) for row in rows]


def count_by_hour(ctx: Context, actor: Actor, scope: Scope) -> list[HourCount]:
    """What was submitted, ended and requeued per hour, in order of time; empty hours are absent."""
    with ctx.db.transaction() as session:
        inside = _inside(session, actor, scope, windowed=False)
        hours: dict[datetime, dict[str, int]] = {}
        for name, moment, extra in (
            ("submitted", Task.creation_timestamp, None),
            ("completed", TaskAttempt.ended_at, Task.status_id == StageStatus.COMPLETED),
            ("failed", TaskAttempt.ended_at, Task.status_id == StageStatus.FAILED),
        ):
            hour = func.date_trunc("hour", moment)
            query = (
                select(hour, func.count())
                .select_from(Task)
                .join(Assignment, Assignment.id == Task.assignment_id)
                .join(
                    TaskAttempt,
                    and_(TaskAttempt.task_id == Task.id, TaskAttempt.number == Task.current_attempt),
                )
                .where(*inside, *_window(moment, scope), *([] if extra is None else [extra]))
                .where(moment.is_not(None))
                .group_by(hour)
            )
            for at, count in session.execute(query):
                hours.setdefault(at, {})[name] = count
        for row in _requeue_rows(session, inside, scope):
            counted = hours.setdefault(row.hour, {})
            counted["requeued"] = counted.get("requeued", 0) + row.count
        return [
            HourCount(
                at,
                **{name: hours[at].get(name, 0) for name in ("submitted", "completed", "failed", "requeued")},
            )
            for at in sorted(hours)
        ]


def count_requeues(ctx: Context, actor: Actor, scope: Scope) -> list[RequeueCount]:
    """Requeues by hour, stage and cause, in order of time."""
    with ctx.db.transaction() as session:
        return _requeue_rows(session, _inside(session, actor, scope, windowed=False), scope)


def list_failures(ctx: Context, actor: Actor, scope: Scope, *, limit: int = 500) -> list[FailedTask]:
    """The tasks that stand failed, the latest first, at most `limit`. `summarise` has the full count."""
    with ctx.db.transaction() as session:
        inside = _inside(session, actor, scope)
        query = (
            select(
                Task.id,
                Task.reference,
                User.email,
                Assignment.assignment_name,
                ProcessingStage.stage_name,
                TaskStageStatus.reason,
                TaskStageStatus.ended_at,
                Task.current_attempt,
                TaskMetrics.requeue_count,
            )
            .select_from(TaskStageStatus)
            .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        )
        rows = session.execute(
            _joined(query)
            .join(User, User.id == Task.created_by_id)
            .join(TaskMetrics, TaskMetrics.task_id == Task.id)
            .where(*inside, TaskStageStatus.status_id == StageStatus.FAILED)
            .order_by(TaskStageStatus.ended_at.desc())
            .limit(limit)
        )
        return [FailedTask(*row) for row in rows]


def _inside(
    session: Session, actor: Actor, scope: Scope, *, windowed: bool = True
) -> list[ColumnElement[bool]]:
    require(session, actor, Right.MONITOR, course_id=scope.course_id)
    allowed = courses_with(session, actor, Right.MONITOR)
    inside: list[ColumnElement[bool]] = [literal(value=True)]
    if allowed is not None:
        inside.append(Assignment.course_id.in_(allowed))
    if scope.course_id is not None:
        inside.append(Assignment.course_id == scope.course_id)
    if scope.assignment_id is not None:
        inside.append(Assignment.id == scope.assignment_id)
    if scope.definition_id is not None:
        inside.append(Assignment.definition_id == scope.definition_id)
    if windowed:
        inside += _window(Task.creation_timestamp, scope)
    return inside


def _window(moment: ColumnElement[datetime | None] | object, scope: Scope) -> list[ColumnElement[bool]]:
    column: ColumnElement[datetime] = moment  # type: ignore[assignment]  # columns of either nullability
    conditions: list[ColumnElement[bool]] = []
    if scope.since is not None:
        conditions.append(column >= scope.since)
    if scope.until is not None:
        conditions.append(column < scope.until)
    return conditions


def _runs() -> ColumnElement[bool]:
    return TaskStageStatus.status_id == StageStatus.IN_PROGRESS


def _waits() -> ColumnElement[bool]:
    """The stage that the task waits for: queued, not begun, in a task that has not failed."""
    return and_(
        TaskStageStatus.status_id == StageStatus.PENDING,
        TaskStageStatus.queued_at.is_not(None),
        or_(Task.status_id == StageStatus.PENDING, Task.status_id == StageStatus.IN_PROGRESS),
    )


def _joined(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Join stage rows to their tasks, keeping those of the current attempt."""
    return (
        query.join(TaskAttempt, TaskAttempt.id == TaskStageStatus.attempt_id)
        .join(Task, and_(Task.id == TaskStageStatus.task_id, Task.current_attempt == TaskAttempt.number))
        .join(Assignment, Assignment.id == Task.assignment_id)
    )


def _current_stages(
    inside: list[ColumnElement[bool]], column: ColumnElement[Any], condition: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    return _joined(select(column).select_from(TaskStageStatus)).where(*inside, condition)


def _count_requeues(session: Session, inside: list[ColumnElement[bool]]) -> int:
    query = (
        select(func.count(RequeueEvent.id))
        .join(Task, Task.id == RequeueEvent.task_id)
        .join(Assignment, Assignment.id == Task.assignment_id)
    )
    return session.scalar(query.where(*inside)) or 0


def _requeue_rows(session: Session, inside: list[ColumnElement[bool]], scope: Scope) -> list[RequeueCount]:
    hour = func.date_trunc("hour", RequeueEvent.at)
    rows = session.execute(
        select(hour, ProcessingStage.stage_name, RequeueEvent.cause, func.count())
        .select_from(RequeueEvent)
        .join(Task, Task.id == RequeueEvent.task_id)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .outerjoin(ProcessingStage, ProcessingStage.id == RequeueEvent.stage_id)
        .where(*inside, *_window(RequeueEvent.at, scope))
        .group_by(hour, ProcessingStage.stage_name, RequeueEvent.cause)
        .order_by(hour)
    )
    return [RequeueCount(at, stage, RequeueCause(cause), count) for at, stage, cause, count in rows]


def _outbox(inside: list[ColumnElement[bool]]) -> Select[int]:
    return (
        select(func.count(OutboxMessage.id))
        .join(TaskAttempt, TaskAttempt.id == OutboxMessage.attempt_id)
        .join(Task, Task.id == TaskAttempt.task_id)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .where(OutboxMessage.published_at.is_(None), TaskAttempt.closed_at.is_(None), *inside)
    )
