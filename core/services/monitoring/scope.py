"""Which tasks are counted, and the conditions that all figures share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, select
from sqlalchemy.orm import Session

from core.auth import Right, courses_with, require
from core.context import Actor
from core.errors import NotFound
from core.models import Assignment, ProcessingStage, Task, TaskAttempt, TaskStageStatus
from core.vocabulary import StageStatus

UNDER_WAY = (StageStatus.PENDING, StageStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which tasks are counted; None means all that the actor may see.

    Tasks count by the moment of submission, requeues by their own: `since` ≤ moment < `until`.
    With `stage` (a name) the figures are those of this stage rather than of whole tasks.
    """

    course_id: int | None = None
    assignment_id: int | None = None
    definition_id: int | None = None
    stage: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def inside(
    session: Session, actor: Actor, scope: Scope, *, windowed: bool = True
) -> list[ColumnElement[bool]]:
    """Conditions on `Task` and `Assignment`; the first step of every figure, since it asks for the right.

    Raises:
        NotSignedIn, NotAllowed: figures are for those who teach.
        NotFound: the course or assignment does not exist, or is none of the actor's.

    """
    allowed = courses_with(session, actor, Right.MONITOR)
    for course_id in _courses_named(session, scope):
        require(session, actor, Right.MONITOR, course_id=course_id)
    conditions: list[ColumnElement[bool]] = [literal(value=True)]
    if allowed is not None:
        conditions.append(Assignment.course_id.in_(allowed))
    if scope.course_id is not None:
        conditions.append(Assignment.course_id == scope.course_id)
    if scope.assignment_id is not None:
        conditions.append(Task.assignment_id == scope.assignment_id)
    if scope.definition_id is not None:
        conditions.append(Assignment.definition_id == scope.definition_id)
    if windowed:
        conditions += window(Task.creation_timestamp, scope)
    return conditions


def _courses_named(session: Session, scope: Scope) -> list[int | None]:
    """The courses that the scope names, itself or by its assignment; one None when it names none."""
    named: list[int | None] = [] if scope.course_id is None else [scope.course_id]
    if scope.assignment_id is not None:
        course_id = session.scalar(select(Assignment.course_id).where(Assignment.id == scope.assignment_id))
        if course_id is None:
            raise NotFound(what="assignment")
        named.append(course_id)
    return named or [None]


def window(moment: ColumnElement[datetime | None] | object, scope: Scope) -> list[ColumnElement[bool]]:
    """`since` ≤ `moment` < `until`, as far as they are given."""
    column: ColumnElement[datetime] = moment  # type: ignore[assignment]  # columns of either nullability
    conditions: list[ColumnElement[bool]] = []
    if scope.since is not None:
        conditions.append(column >= scope.since)
    if scope.until is not None:
        conditions.append(column < scope.until)
    return conditions


def at_stage(scope: Scope, column: object = TaskStageStatus.stage_id) -> list[ColumnElement[bool]]:
    """That `column` is the scope's stage, if it names one."""
    if scope.stage is None:
        return []
    stage_id = select(ProcessingStage.id).where(ProcessingStage.stage_name == scope.stage).scalar_subquery()
    return [stage_id == column]


def is_under_way() -> ColumnElement[bool]:
    """The task has not ended."""
    return Task.status_id.in_(UNDER_WAY)


def runs() -> ColumnElement[bool]:
    """The stage is being worked on. What still moves in a task that has failed counts no more."""
    return and_(TaskStageStatus.status_id == StageStatus.IN_PROGRESS, is_under_way())


def waits() -> ColumnElement[bool]:
    """The stage that the task waits for: queued, not begun, in a task that has not ended."""
    return and_(
        TaskStageStatus.status_id == StageStatus.PENDING,
        TaskStageStatus.queued_at.is_not(None),
        is_under_way(),
    )


def joined(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Join stage rows to their tasks, keeping those of the current attempt."""
    return (
        query.join(TaskAttempt, TaskAttempt.id == TaskStageStatus.attempt_id)
        .join(Task, and_(Task.id == TaskStageStatus.task_id, Task.current_attempt == TaskAttempt.number))
        .join(Assignment, Assignment.id == Task.assignment_id)
    )
