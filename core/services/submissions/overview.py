"""The students of an assignment, each with the submission that stands for them: all, or by the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import natural
from core.models import Task, TaskMetrics, User
from core.services.submissions.rows import course_of
from core.services.submissions.stages import StageMark, read_stages
from core.services.submissions.students import StudentFilter, matching
from core.vocabulary import StageStatus

PAGE = 50
"""Students on one page."""


class SortBy(StrEnum):
    """What a list of students is sorted by; who has no submission comes last."""

    EMAIL = "email"
    NAME = "name"
    SUBMITTED = "submitted"
    STATUS = "status"
    SUBMISSIONS = "submissions"
    REQUEUES = "requeues"


@dataclass(frozen=True, slots=True)
class StudentRow:
    """A student and one submission of theirs; `task_id` is None for who has not submitted.

    `stages` are (stage name, status) in processing order, empty without a submission.
    """

    student_id: int
    student_email: str
    student_name: str
    student_code: str | None
    submissions: int
    task_id: int | None
    submitted_at: datetime | None
    status: StageStatus | None
    attempt: int | None
    requeue_count: int
    is_late: bool
    stages: tuple[tuple[str, StageStatus], ...]


@dataclass(frozen=True, slots=True)
class StudentPage:
    """Some of the students that match; `total` counts all of them."""

    rows: tuple[StudentRow, ...]
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE))


def overview(ctx: Context, actor: Actor, assignment_id: int) -> list[StudentRow]:
    """All students of the assignment's course, by e-mail, each with the latest submission.

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course.
        NotAllowed: students do not see each other.

    """
    return list(list_students(ctx, actor, StudentFilter(assignment_id), page=None).rows)


def list_students(
    ctx: Context,
    actor: Actor,
    wanted: StudentFilter,
    *,
    sort: SortBy = SortBy.EMAIL,
    descending: bool = False,
    page: int | None = 1,
) -> StudentPage:
    """The students that match, `PAGE` of them; with None for `page`, all.

    A page before the first or after the last is the first or the last.

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course.
        NotAllowed: students do not see each other.

    """
    with ctx.db.transaction() as session:
        course_id = course_of(session, wanted.assignment_id)
        require(session, actor, Right.LIST_TASKS, course_id=course_id)
        if page is None:
            rows = _read(session, wanted, sort, descending=descending)
            return StudentPage(rows, len(rows))
        found = matching(wanted).subquery()
        total = session.scalar(select(func.count()).select_from(found)) or 0
        first = max(0, min(page - 1, (total - 1) // PAGE)) * PAGE
        return StudentPage(
            _read(session, wanted, sort, descending=descending, offset=first, limit=PAGE), total
        )


def _read(
    session: Session,
    wanted: StudentFilter,
    sort: SortBy,
    *,
    descending: bool,
    offset: int = 0,
    limit: int | None = None,
) -> tuple[StudentRow, ...]:
    found = matching(wanted).subquery()
    counts = (
        select(Task.created_by_id, func.count().label("count"))
        .where(Task.assignment_id == wanted.assignment_id)
        .group_by(Task.created_by_id)
        .subquery()
    )
    keys: dict[SortBy, ColumnElement[Any] | InstrumentedAttribute[Any]] = {
        SortBy.EMAIL: natural(User.email),
        SortBy.NAME: natural(User.full_name),
        SortBy.SUBMITTED: Task.creation_timestamp,
        SortBy.STATUS: Task.status_id,
        SortBy.SUBMISSIONS: counts.c.count,
        SortBy.REQUEUES: TaskMetrics.requeue_count,
    }
    key = keys[sort].desc() if descending else keys[sort].asc()
    rows = session.execute(
        select(User, counts.c.count, Task, TaskMetrics.requeue_count)
        .join(found, found.c.student_id == User.id)
        .outerjoin(counts, counts.c.created_by_id == User.id)
        .outerjoin(Task, Task.id == found.c.task_id)
        .outerjoin(TaskMetrics, TaskMetrics.task_id == Task.id)
        .order_by(key.nulls_last(), natural(User.email), User.id)
        .offset(offset)
        .limit(limit)
    ).all()
    stages = read_stages(session, [task.id for _, _, task, _ in rows if task])
    return tuple(
        _row(user, count, task, requeues, stages[task.id] if task else ())
        for user, count, task, requeues in rows
    )


def _row(
    user: User, count: int | None, task: Task | None, requeues: int | None, stages: Sequence[StageMark]
) -> StudentRow:
    return StudentRow(
        student_id=user.id,
        student_email=user.email,
        student_name=user.full_name,
        student_code=user.student_code,
        submissions=count or 0,
        task_id=task.id if task else None,
        submitted_at=task.creation_timestamp if task else None,
        status=StageStatus(task.status_id) if task else None,
        attempt=task.current_attempt if task else None,
        requeue_count=requeues or 0,
        is_late=task.is_late if task else False,
        stages=tuple((mark.stage_name, mark.status) for mark in stages),
    )
