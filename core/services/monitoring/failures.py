"""What stands failed, one by one and by cause (docs/decisions/0013-failure-groups.md).

A failed task is counted once, at the first of its stages that failed; with the scope's stage, at that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, exists, func, literal, select
from sqlalchemy.orm import Session, aliased

from core.context import Actor, Context
from core.models import (
    Assignment,
    FailureTriage,
    ProcessingStage,
    Task,
    TaskDefinition,
    TaskMetrics,
    TaskStageStatus,
    User,
)
from core.services.monitoring.scope import Scope, at_stage, inside, joined
from core.vocabulary import StageStatus, TriageState

TREND_PARTS = 12
TREND_WITHOUT_BEGINNING = timedelta(weeks=12)


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


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures with the same message but for ids, numbers, paths and times.

    `id` depends on the message alone, so it is the same in every scope and as data grows.
    `students` are distinct; `stages` and `definitions` are the names of those in which it happened.
    Of `count`, `open` still ask for somebody: no later submission of the student has passed and nobody
    has handled or acknowledged them. `state`, with its owner and note, follows from that.
    """

    id: str
    message: str
    count: int
    first_seen: datetime
    last_seen: datetime
    students: int
    stages: tuple[str, ...]
    definitions: tuple[str, ...]
    open: int
    state: TriageState
    owner_email: str | None
    note: str
    trend: tuple[int, ...]
    """How many came in each twelfth of the window, or of the last twelve weeks where it has no beginning."""


@dataclass(frozen=True, slots=True)
class Failures:
    """All that stands failed, by cause, the most frequent first."""

    total: int
    groups: tuple[FailureGroup, ...]


def list_failures(
    ctx: Context, actor: Actor, scope: Scope, *, limit: int = 500, group_id: str | None = None
) -> list[FailedTask]:
    """The tasks that stand failed, the latest first, at most `limit`; of one group or of all.

    `group_failures` has the full count.
    """
    with ctx.db.transaction() as session:
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
            _standing(session, actor, scope, query)
            .join(User, User.id == Task.created_by_id)
            .join(TaskMetrics, TaskMetrics.task_id == Task.id)
            .where(*([] if group_id is None else [TaskStageStatus.failure_key == group_id]))
            .order_by(TaskStageStatus.ended_at.desc(), Task.id.desc())
            .limit(limit)
        )
        return [FailedTask(*row) for row in rows]


def group_failures(ctx: Context, actor: Actor, scope: Scope) -> Failures:
    """What stands failed in `scope`, by cause: every one is counted, and in one group only."""
    with ctx.db.transaction() as session:
        each = _standing(session, actor, scope, _each()).cte().prefix_with("MATERIALIZED")
        grouped = _groups(each, _edges(scope, ctx.now())).subquery()
        message = select(func.fold_message(TaskStageStatus.reason)).where(
            TaskStageStatus.id == grouped.c.sample
        )
        rows = session.execute(
            select(grouped, message.scalar_subquery()).order_by(grouped.c.count.desc(), grouped.c.failure_key)
        ).all()
        groups = tuple(_group(*row) for row in rows)
        return Failures(sum(group.count for group in groups), groups)


def _each() -> Select[*tuple[Any, ...]]:
    """One narrow row per failure: what is grouped must fit into memory."""
    return select(
        TaskStageStatus.id,
        TaskStageStatus.failure_key,
        TaskStageStatus.ended_at,
        TaskStageStatus.stage_id,
        Task.created_by_id.label("student_id"),
        Assignment.course_id,
        Assignment.definition_id,
        _has_passed_since().label("passed"),
    ).select_from(TaskStageStatus)


def _edges(scope: Scope, now: datetime) -> list[datetime]:
    end = scope.until or now
    start = scope.since or end - TREND_WITHOUT_BEGINNING
    return [start + (end - start) * part / TREND_PARTS for part in range(TREND_PARTS + 1)]


def _groups(each: CTE, edges: Sequence[datetime]) -> Select[*tuple[Any, ...]]:
    row = each.c
    acknowledged = func.coalesce(FailureTriage.state == TriageState.ACKNOWLEDGED, literal(value=False))
    unsettled = and_(~row.passed, ~_is_handled(row.ended_at))
    parts = [
        func.count().filter(row.ended_at >= start, row.ended_at < end).label(f"part{number}")
        for number, (start, end) in enumerate(pairwise(edges))
    ]
    same = and_(FailureTriage.course_id == row.course_id, FailureTriage.failure_key == row.failure_key)
    return (
        select(
            row.failure_key,
            func.min(row.id).label("sample"),
            func.count().label("count"),
            func.min(row.ended_at).label("first"),
            func.max(row.ended_at).label("last"),
            func.count(row.student_id.distinct()).label("students"),
            func.array_agg(ProcessingStage.stage_name.distinct()).label("stages"),
            func.array_agg(TaskDefinition.definition_name.distinct()).label("definitions"),
            func.count().filter(unsettled, ~acknowledged).label("unsettled"),
            func.count().filter(unsettled, acknowledged).label("acknowledged"),
            func.max(User.email).label("owner"),
            func.max(FailureTriage.note).label("note"),
            *parts,
        )
        .select_from(each)
        .join(ProcessingStage, ProcessingStage.id == row.stage_id)
        .join(TaskDefinition, TaskDefinition.id == row.definition_id)
        .outerjoin(FailureTriage, same)
        .outerjoin(User, User.id == FailureTriage.owner_id)
        .group_by(row.failure_key)
    )


def _group(*row: Any) -> FailureGroup:
    key, _, count, first, last, students, stages, definitions, unsettled, acknowledged, *rest = row
    owner, note, *trend, message = rest
    state = TriageState.OPEN if unsettled else TriageState.HANDLED
    return FailureGroup(
        id=key,
        message=message,
        count=count,
        first_seen=first,
        last_seen=last,
        students=students,
        stages=tuple(stages),
        definitions=tuple(definitions),
        open=unsettled,
        state=TriageState.ACKNOWLEDGED if acknowledged and not unsettled else state,
        owner_email=owner,
        note=note or "",
        trend=tuple(trend),
    )


def _is_handled(ended_at: ColumnElement[datetime]) -> ColumnElement[bool]:
    return func.coalesce(
        and_(FailureTriage.state == TriageState.HANDLED, ended_at <= FailureTriage.changed_at),
        literal(value=False),
    )


def _has_passed_since() -> ColumnElement[bool]:
    """A later submission of the same student to the same assignment has passed."""
    later = aliased(Task)
    return exists(
        select(later.id).where(
            later.assignment_id == Task.assignment_id,
            later.created_by_id == Task.created_by_id,
            later.id > Task.id,
            later.status_id == StageStatus.COMPLETED,
        )
    )


def failed_ids(session: Session, actor: Actor, scope: Scope, group_id: str | None = None) -> Select[int]:
    """Ids of the tasks that stand failed, of one group or of all; for use cases that act on them.

    Without those whose student has passed since: nobody waits for them.
    """
    query = _standing(session, actor, scope, select(Task.id).select_from(TaskStageStatus))
    query = query.where(~_has_passed_since())
    return query.where(*([] if group_id is None else [TaskStageStatus.failure_key == group_id]))


def _standing(
    session: Session, actor: Actor, scope: Scope, query: Select[*tuple[Any, ...]]
) -> Select[*tuple[Any, ...]]:
    conditions = [*inside(session, actor, scope), *at_stage(scope)]
    if scope.stage is None:
        conditions.append(_is_first_failure())
    return joined(query).where(*conditions, TaskStageStatus.status_id == StageStatus.FAILED)


def _is_first_failure() -> ColumnElement[bool]:
    earlier = aliased(TaskStageStatus)
    return ~exists(
        select(earlier.id).where(
            earlier.attempt_id == TaskStageStatus.attempt_id,
            earlier.position < TaskStageStatus.position,
            earlier.status_id == StageStatus.FAILED,
        )
    )
