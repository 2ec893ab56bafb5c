"""Which students of an assignment are shown, and which submission stands for each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from core.models import (
    Assignment,
    CourseMember,
    ProcessingStage,
    Task,
    TaskAttempt,
    TaskStageStatus,
    User,
)
from core.search import mentions
from core.services.monitoring.scope import UNDER_WAY
from core.vocabulary import Role, StageStatus


class Which(StrEnum):
    """Which of a student's submissions stands for them."""

    LATEST = "latest"
    BEST = "best"
    """The one that got furthest: passed, else the most stages passed; of equal ones the latest."""


@dataclass(frozen=True, slots=True)
class StudentFilter:
    """Which students of the assignment are meant, by the submission that stands for them.

    `search`: words that name, e-mail or student code contain, all of them; accents do not count. With
    `stage` (a name), `status` is the one of that stage rather than of the submission; a stage that follows
    a failed one waits for nothing. `submitted` False: only who has handed in nothing.
    """

    assignment_id: int
    which: Which = Which.LATEST
    search: str = ""
    status: StageStatus | None = None
    stage: str | None = None
    submitted: bool | None = None


def matching(wanted: StudentFilter) -> Select[int, int]:
    """Ids of the students that `wanted` means and of the submission of each, NULL without one."""
    chosen = _standing_for_each(wanted).subquery()
    return (
        select(User.id.label("student_id"), Task.id.label("task_id"))
        .join(CourseMember, and_(CourseMember.user_id == User.id, CourseMember.role == Role.STUDENT))
        .join(Assignment, Assignment.course_id == CourseMember.course_id)
        .outerjoin(chosen, chosen.c.student == User.id)
        .outerjoin(Task, Task.id == chosen.c.id)
        .where(Assignment.id == wanted.assignment_id, *_conditions(wanted))
    )


def _standing_for_each(wanted: StudentFilter) -> Select[int, int]:
    """The submission of each student that `which` says."""
    if wanted.which is Which.LATEST:
        return (
            select(Task.created_by_id.label("student"), func.max(Task.id).label("id"))
            .where(Task.assignment_id == wanted.assignment_id)
            .group_by(Task.created_by_id)
        )
    passed = (
        select(TaskAttempt.task_id, func.count().label("stages"))
        .join(Task, and_(Task.id == TaskAttempt.task_id, Task.current_attempt == TaskAttempt.number))
        .join(TaskStageStatus, TaskStageStatus.attempt_id == TaskAttempt.id)
        .where(
            Task.assignment_id == wanted.assignment_id,
            TaskStageStatus.status_id == StageStatus.COMPLETED,
        )
        .group_by(TaskAttempt.task_id)
        .subquery()
    )
    return (
        select(Task.created_by_id.label("student"), Task.id.label("id"))
        .ext(distinct_on(Task.created_by_id))
        .outerjoin(passed, passed.c.task_id == Task.id)
        .where(Task.assignment_id == wanted.assignment_id)
        .order_by(
            Task.created_by_id,
            (Task.status_id == StageStatus.COMPLETED).desc(),
            func.coalesce(passed.c.stages, 0).desc(),
            Task.id.desc(),
        )
    )


def _conditions(wanted: StudentFilter) -> list[ColumnElement[bool]]:
    conditions = mentions(wanted.search, User.email, User.full_name, User.student_code)
    if wanted.submitted is not None:
        conditions.append(Task.id.is_not(None) if wanted.submitted else Task.id.is_(None))
    if wanted.stage is not None:
        conditions.append(_at_stage(wanted.stage, wanted.status))
    elif wanted.status is not None:
        conditions.append(Task.status_id == wanted.status)
    return conditions


def _at_stage(name: str, status: StageStatus | None) -> ColumnElement[bool]:
    stage, attempt = aliased(TaskStageStatus), aliased(TaskAttempt)
    query = (
        select(stage.id)
        .join(attempt, attempt.id == stage.attempt_id)
        .join(ProcessingStage, ProcessingStage.id == stage.stage_id)
        .where(
            stage.task_id == Task.id,
            attempt.number == Task.current_attempt,
            ProcessingStage.stage_name == name,
        )
    )
    if status is not None:
        query = query.where(stage.status_id == status)
    if status is StageStatus.PENDING:
        query = query.where(Task.status_id.in_(UNDER_WAY))
    return exists(query.correlate(Task))
