"""Which failures stand, and what is known of each: one definition for lists, causes, tallies and recount.

A failed task is counted once, at the first of its stages that failed; with the scope's stage, at that.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    and_,
    cast,
    exists,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import Session, aliased

from core.context import Actor
from core.models import Assignment, FailureTriage, Task, TaskAttempt, TaskStageStatus, User
from core.services.monitoring.scope import Scope, at_stage, inside, joined
from core.vocabulary import StageStatus, TriageState


def standing(
    session: Session, actor: Actor, scope: Scope, query: Select[*tuple[Any, ...]], *, windowed: bool = True
) -> Select[*tuple[Any, ...]]:
    """`query` over `TaskStageStatus` for the failures that stand in `scope`.

    Raises:
        NotSignedIn, NotAllowed, NotFound: as `inside`.

    """
    conditions = [*inside(session, actor, scope, windowed=windowed), *at_stage(scope)]
    if scope.stage is None:
        conditions.append(_is_first(TaskStageStatus))
    return joined(query).where(*conditions, TaskStageStatus.status_id == StageStatus.FAILED)


def all_standing(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """As `standing`, over the whole platform."""
    return joined(query).where(_is_first(TaskStageStatus), TaskStageStatus.status_id == StageStatus.FAILED)


def each_failure(*, is_latest: ColumnElement[bool] | None = None) -> Select[*tuple[Any, ...]]:
    """One narrow row per failure: what is grouped must fit into memory.

    `is_latest`: what counts a student once; by default nothing does, and the students are told apart.
    """
    return select(
        TaskStageStatus.id,
        TaskStageStatus.failure_key,
        TaskStageStatus.ended_at,
        TaskStageStatus.stage_id,
        Task.created_by_id.label("student_id"),
        Assignment.course_id,
        TaskAttempt.version_id,
        has_passed_since().label("passed"),
        (literal(value=True) if is_latest is None else is_latest).label("is_latest"),
    ).select_from(TaskStageStatus)


def by_cause(each: CTE, students: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    """What is said of each cause, of the rows of `each_failure`: the columns of `FailureTally`."""
    row = each.c
    acknowledged = func.coalesce(FailureTriage.state == TriageState.ACKNOWLEDGED, literal(value=False))
    unsettled = and_(~row.passed, ~_is_handled(row.ended_at))
    same = and_(FailureTriage.course_id == row.course_id, FailureTriage.failure_key == row.failure_key)
    numbers = ARRAY(BigInteger)
    return (
        select(
            row.failure_key,
            func.min(row.id).label("sample"),
            func.count().label("failures"),
            func.min(row.ended_at).label("first_seen"),
            func.max(row.ended_at).label("last_seen"),
            students.label("students"),
            cast(func.array_agg(row.stage_id.distinct()), numbers).label("stages"),
            cast(func.array_agg(row.version_id.distinct()), numbers).label("versions"),
            func.count().filter(unsettled, ~acknowledged).label("unsettled"),
            func.count().filter(unsettled, acknowledged).label("acknowledged"),
            func.max(User.email).label("owner"),
            func.max(FailureTriage.note).label("note"),
            func.array_agg(aggregate_order_by(row.ended_at, row.ended_at)).label("ended"),
        )
        .select_from(each)
        .outerjoin(FailureTriage, same)
        .outerjoin(User, User.id == FailureTriage.owner_id)
        .group_by(row.failure_key)
    )


def _is_handled(ended_at: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.coalesce(
        and_(FailureTriage.state == TriageState.HANDLED, ended_at <= FailureTriage.changed_at),
        literal(value=False),
    )


def has_passed_since() -> ColumnElement[bool]:
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


def is_latest_of_student() -> ColumnElement[bool]:
    """The student has no later failure of the same cause that stands, anywhere on the platform."""
    later, attempt, stage = aliased(Task), aliased(TaskAttempt), aliased(TaskStageStatus)
    return ~exists(
        select(later.id)
        .join(attempt, and_(attempt.task_id == later.id, attempt.number == later.current_attempt))
        .join(stage, stage.attempt_id == attempt.id)
        .where(
            later.created_by_id == Task.created_by_id,
            later.assignment_id.is_not(None),
            later.status_id == StageStatus.FAILED,
            tuple_(later.creation_timestamp, later.id) > tuple_(Task.creation_timestamp, Task.id),
            stage.status_id == StageStatus.FAILED,
            stage.failure_key == TaskStageStatus.failure_key,
            _is_first(stage),
        )
    )


def _is_first(stage: Any) -> ColumnElement[bool]:
    earlier = aliased(TaskStageStatus)
    return ~exists(
        select(earlier.id).where(
            earlier.attempt_id == stage.attempt_id,
            earlier.position < stage.position,
            earlier.status_id == StageStatus.FAILED,
        )
    )
