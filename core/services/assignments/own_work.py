"""Assignments with what the student who asks has handed in (contract 1.3)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.auth import Right, require, roles_of
from core.context import Actor, Context
from core.models import Assignment, Task
from core.services.assignments.reading import (
    AssignmentView,
    read_assignment,
    read_assignments,
    require_in_course_of,
)
from core.services.submissions import TaskView, get_task
from core.services.submissions.rows import TaskRow, read_rows, task_query
from core.vocabulary import Role


@dataclass(frozen=True, slots=True)
class AssignmentWithLatest:
    """An assignment; for a student with their latest submission to it, if any."""

    assignment: AssignmentView
    is_for_student: bool
    latest: TaskRow | None


@dataclass(frozen=True, slots=True)
class AssignmentInFull:
    """An assignment; for a student with their latest submission in full, if any."""

    assignment: AssignmentView
    is_for_student: bool
    latest: TaskView | None


def list_with_own_work(ctx: Context, actor: Actor, course_id: int) -> list[AssignmentWithLatest]:
    """All assignments of the course, the latest due first, each with the actor's own latest submission.

    Raises:
        NotFound: there is no such course, or the actor is a stranger to it.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_COURSE, course_id=course_id)
        is_student = _is_student(session, actor, course_id)
        views = read_assignments(session, ctx, course_id)
        latest = _latest(session, actor, course_id) if is_student else {}
    return [AssignmentWithLatest(view, is_student, latest.get(view.id)) for view in views]


def get_with_own_work(ctx: Context, actor: Actor, assignment_id: int) -> AssignmentInFull:
    """One assignment, with the actor's own latest submission, its stages and log.

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course.

    """
    with ctx.db.transaction() as session:
        course_id = require_in_course_of(session, actor, Right.READ_COURSE, assignment_id)
        view = read_assignment(session, ctx, assignment_id)
        is_student = _is_student(session, actor, course_id)
        latest = session.scalar(
            select(func.max(Task.id)).where(
                Task.assignment_id == assignment_id, Task.created_by_id == actor.user_id
            )
        )
    task = get_task(ctx, actor, latest) if is_student and latest is not None else None
    return AssignmentInFull(view, is_student, task)


def _is_student(session: Session, actor: Actor, course_id: int) -> bool:
    return actor.user_id is not None and roles_of(session, actor, course_id) == {Role.STUDENT}


def _latest(session: Session, actor: Actor, course_id: int) -> dict[int, TaskRow]:
    newest = (
        select(func.max(Task.id))
        .join(Assignment, Assignment.id == Task.assignment_id)
        .where(Assignment.course_id == course_id, Task.created_by_id == actor.user_id)
        .group_by(Task.assignment_id)
    )
    rows = session.execute(task_query().where(Task.id.in_(newest))).all()
    return {row.assignment_id: row for row in read_rows(session, rows)}
