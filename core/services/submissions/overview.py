"""Every student of an assignment with the latest submission: what a professor looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotFound
from core.models import (
    Assignment,
    CourseMember,
    ProcessingStage,
    Task,
    TaskAttempt,
    TaskMetrics,
    TaskStageStatus,
    User,
)
from core.vocabulary import Role, StageStatus


@dataclass(frozen=True, slots=True)
class StudentRow:
    """A student and their latest submission; `task_id` is None for who has not submitted.

    `stages` are (stage name, status) in processing order, empty without a submission.
    """

    student_id: int
    student_email: str
    student_name: str
    submissions: int
    task_id: int | None
    submitted_at: datetime | None
    status: StageStatus | None
    attempt: int | None
    requeue_count: int
    stages: tuple[tuple[str, StageStatus], ...]


def overview(ctx: Context, actor: Actor, assignment_id: int) -> list[StudentRow]:
    """All students of the assignment's course, by e-mail, each with the latest submission.

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course.
        NotAllowed: students do not see each other.

    """
    with ctx.db.transaction() as session:
        course_id = session.scalar(select(Assignment.course_id).where(Assignment.id == assignment_id))
        if course_id is None:
            raise NotFound(what="assignment")
        require(session, actor, Right.READ_ANY_TASK, course_id=course_id)
        latest = (
            select(Task.created_by_id, func.max(Task.id).label("id"), func.count().label("count"))
            .where(Task.assignment_id == assignment_id)
            .group_by(Task.created_by_id)
            .subquery()
        )
        students = session.execute(
            select(User, latest.c.count, Task, TaskMetrics.requeue_count)
            .join(CourseMember, CourseMember.user_id == User.id)
            .outerjoin(latest, latest.c.created_by_id == User.id)
            .outerjoin(Task, Task.id == latest.c.id)
            .outerjoin(TaskMetrics, TaskMetrics.task_id == Task.id)
            .where(CourseMember.course_id == course_id, CourseMember.role == Role.STUDENT)
            .order_by(User.email)
        ).all()
        stages: dict[int, list[tuple[str, StageStatus]]] = {}
        for task_id, name, status in session.execute(
            select(TaskStageStatus.task_id, ProcessingStage.stage_name, TaskStageStatus.status_id)
            .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
            .join(latest, latest.c.id == TaskStageStatus.task_id)
            .join(Task, Task.id == TaskStageStatus.task_id)
            .join(
                TaskAttempt,
                (TaskAttempt.id == TaskStageStatus.attempt_id) & (TaskAttempt.number == Task.current_attempt),
            )
            .order_by(TaskStageStatus.position)
        ):
            stages.setdefault(task_id, []).append((name, StageStatus(status)))
    return [_row(user, count, task, requeues, stages) for user, count, task, requeues in students]


def _row(
    user: User,
    count: int | None,
    task: Task | None,
    requeues: int | None,
    stages: dict[int, list[tuple[str, StageStatus]]],
) -> StudentRow:
    return StudentRow(
        student_id=user.id,
        student_email=user.email,
        student_name=user.full_name,
        submissions=count or 0,
        task_id=task.id if task else None,
        submitted_at=task.creation_timestamp if task else None,
        status=StageStatus(task.status_id) if task else None,
        attempt=task.current_attempt if task else None,
        requeue_count=requeues or 0,
        stages=tuple(stages.get(task.id, ())) if task else (),
    )
