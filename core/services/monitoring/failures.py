"""What stands failed, one by one and by cause (docs/decisions/0013-failure-groups.md).

A failed task is counted once, at the first of its stages that failed; with the scope's stage, at that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.models import Assignment, ProcessingStage, Task, TaskMetrics, TaskStageStatus, User
from core.services.monitoring.causes import sum_by_cause
from core.services.monitoring.scope import Scope
from core.services.monitoring.standing import has_passed_since, standing
from core.vocabulary import TriageState

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
    """Failures with the same first error but for names, ids, numbers, paths and times.

    `message` is what they share, `example` what one of them said.
    `id` depends on the message alone, so it is the same in every scope and as data grows.
    `students` are distinct; `stages` and `definitions` are the names of those in which it happened;
    `versions` are the definitions with the number of the version whose containers ran.
    Of `count`, `open` still ask for somebody: no later submission of the student has passed and nobody
    has handled or acknowledged them. `state`, with its owner and note, follows from that.
    """

    id: str
    message: str
    example: str
    count: int
    first_seen: datetime
    last_seen: datetime
    students: int
    stages: tuple[str, ...]
    definitions: tuple[str, ...]
    versions: tuple[str, ...]
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
            standing(session, actor, scope, query)
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
        grouped = sum_by_cause(session, actor, scope, _edges(scope, ctx.now())).subquery()
        said = func.coalesce(func.nullif(TaskStageStatus.cause, ""), TaskStageStatus.reason)
        sample = TaskStageStatus.id == grouped.c.sample
        message = select(func.fold_message(said)).where(sample)
        example = select(TaskStageStatus.reason).where(sample)
        rows = session.execute(
            select(
                grouped,
                message.scalar_subquery().label("message"),
                example.scalar_subquery().label("example"),
            ).order_by(grouped.c.failures.desc(), grouped.c.failure_key)
        ).all()
        groups = tuple(_group(row) for row in rows)
        return Failures(sum(group.count for group in groups), groups)


def _edges(scope: Scope, now: datetime) -> list[datetime]:
    end = scope.until or now
    start = scope.since or end - TREND_WITHOUT_BEGINNING
    return [start + (end - start) * part / TREND_PARTS for part in range(TREND_PARTS + 1)]


def _group(row: Any) -> FailureGroup:
    state = TriageState.OPEN if row.unsettled else TriageState.HANDLED
    return FailureGroup(
        id=row.failure_key,
        message=row.message,
        example=row.example or "",
        count=row.failures,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        students=row.students,
        stages=tuple(row.stage_names),
        definitions=tuple(row.definition_names),
        versions=tuple(row.versions),
        open=row.unsettled,
        state=TriageState.ACKNOWLEDGED if row.acknowledged and not row.unsettled else state,
        owner_email=row.owner,
        note=row.note or "",
        trend=tuple((row.trend or {}).get(str(part + 1), 0) for part in range(TREND_PARTS)),
    )


def failed_ids(session: Session, actor: Actor, scope: Scope, group_id: str | None = None) -> Select[int]:
    """Ids of the tasks that stand failed, of one group or of all; for use cases that act on them.

    Without those whose student has passed since: nobody waits for them.
    """
    query = standing(session, actor, scope, select(Task.id).select_from(TaskStageStatus))
    query = query.where(~has_passed_since())
    return query.where(*([] if group_id is None else [TaskStageStatus.failure_key == group_id]))
