"""Submissions as lists show them: a row each, with the stages of its current attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.models import Assignment, Task, TaskMetrics, User
from core.services.submissions.stages import StageMark, read_stages
from core.vocabulary import StageStatus


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A submission with its current stages, without its log."""

    id: int
    assignment_id: int
    course_id: int
    created_by_id: int
    student_email: str
    creation_timestamp: datetime
    status: StageStatus
    attempt: int
    requeue_count: int
    reference: str
    file_name: str
    size: int
    sha256: str
    is_late: bool
    stages: tuple[StageMark, ...]


def task_query() -> Select[Task, int, str, int]:
    """Tasks with course, student's e-mail and requeues, for `read_rows`."""
    return (
        select(Task, Assignment.course_id, User.email, TaskMetrics.requeue_count)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .join(User, User.id == Task.created_by_id)
        .join(TaskMetrics, TaskMetrics.task_id == Task.id)
    )


def read_rows(
    session: Session, found: Sequence[Row[Task, int, str, int]], *, attempt: int | None = None
) -> tuple[TaskRow, ...]:
    """The rows of `task_query`, in their order, with their stages in one more query."""
    stages = read_stages(session, [task.id for task, *_ in found], attempt=attempt)
    return tuple(
        TaskRow(
            id=task.id,
            assignment_id=cast("int", task.assignment_id),  # the join leaves out dry runs
            course_id=course_id,
            created_by_id=task.created_by_id,
            student_email=email,
            creation_timestamp=task.creation_timestamp,
            status=StageStatus(task.status_id),
            attempt=task.current_attempt,
            requeue_count=requeues,
            reference=task.reference,
            file_name=task.original_name,
            size=task.original_size,
            sha256=task.original_sha256,
            is_late=task.is_late,
            stages=stages[task.id],
        )
        for task, course_id, email, requeues in found
    )


def course_of(session: Session, assignment_id: int) -> int:
    """The id of the assignment's course.

    Raises:
        NotFound: there is no such assignment.

    """
    course_id = session.scalar(select(Assignment.course_id).where(Assignment.id == assignment_id))
    if course_id is None:
        raise NotFound(what="assignment")
    return course_id
