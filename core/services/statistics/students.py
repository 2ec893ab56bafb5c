"""Which students somebody should talk to: who has handed in nothing, and who keeps failing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Subquery, and_, exists, func, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import LateralFromClause

from core.db import natural
from core.models import Assignment, CourseMember, ProcessingStage, Task, TaskAttempt, TaskStageStatus, User
from core.vocabulary import Role, StageStatus

AT_RISK_FAILURES = 2
"""So many submissions must have failed for a student to be at risk."""

AT_RISK_BEFORE = timedelta(days=3)
"""How long before the due date the last failed one must have come, at the earliest."""


@dataclass(frozen=True, slots=True)
class StudentName:
    """An enrolled student."""

    student_id: int
    student_email: str
    student_name: str


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A student who keeps failing near the due date: how often, and why the last time."""

    student_id: int
    student_email: str
    student_name: str
    failures: int
    task_id: int
    submitted_at: datetime
    stage_name: str
    reason: str | None


def who_is_missing(session: Session, assignment_id: int) -> tuple[StudentName, ...]:
    """Enrolled students without a submission, by e-mail."""
    submitted = select(Task.id).where(Task.assignment_id == assignment_id, Task.created_by_id == User.id)
    rows = session.execute(
        select(User.id, User.email, User.full_name)
        .join(CourseMember, and_(CourseMember.user_id == User.id, CourseMember.role == Role.STUDENT))
        .join(Assignment, Assignment.course_id == CourseMember.course_id)
        .where(Assignment.id == assignment_id, ~exists(submitted))
        .order_by(natural(User.email))
    )
    return tuple(StudentName(*row) for row in rows)


def who_is_at_risk(session: Session, assignment_id: int) -> tuple[AtRisk, ...]:
    """Enrolled students who have passed nothing, most failures first.

    At least `AT_RISK_FAILURES` of their submissions stand failed, the latest is one of them, and it
    came no earlier than `AT_RISK_BEFORE` the due date.
    """
    tried, failed = _without_success(assignment_id), _failed_stage()
    rows = session.execute(
        select(
            User.id,
            User.email,
            User.full_name,
            tried.c.failures,
            Task.id,
            Task.creation_timestamp,
            ProcessingStage.stage_name,
            failed.c.reason,
        )
        .select_from(tried)
        .join(Task, Task.id == tried.c.latest)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .join(User, User.id == tried.c.student)
        .join(
            CourseMember,
            and_(
                CourseMember.user_id == User.id,
                CourseMember.course_id == Assignment.course_id,
                CourseMember.role == Role.STUDENT,
            ),
        )
        .join(TaskAttempt, and_(TaskAttempt.task_id == Task.id, TaskAttempt.number == Task.current_attempt))
        .join(failed, literal(value=True))
        .join(ProcessingStage, ProcessingStage.id == failed.c.stage_id)
        .where(
            tried.c.failures >= AT_RISK_FAILURES,
            Task.status_id == StageStatus.FAILED,
            Task.creation_timestamp >= Assignment.assignment_end_date - AT_RISK_BEFORE,
        )
        .order_by(tried.c.failures.desc(), natural(User.email))
    )
    return tuple(AtRisk(*row) for row in rows)


def _without_success(assignment_id: int) -> Subquery:
    """Students who have passed nothing, each with the latest submission and how many failed."""
    return (
        select(
            Task.created_by_id.label("student"),
            func.max(Task.id).label("latest"),
            func.count().filter(Task.status_id == StageStatus.FAILED).label("failures"),
        )
        .where(Task.assignment_id == assignment_id)
        .group_by(Task.created_by_id)
        .having(~func.bool_or(Task.status_id == StageStatus.COMPLETED))
        .subquery()
    )


def _failed_stage() -> LateralFromClause:
    """The first stage that failed, of the attempt in the same row."""
    return (
        select(TaskStageStatus.stage_id, TaskStageStatus.reason)
        .where(TaskStageStatus.attempt_id == TaskAttempt.id, TaskStageStatus.status_id == StageStatus.FAILED)
        .order_by(TaskStageStatus.position)
        .limit(1)
        .lateral()
    )
