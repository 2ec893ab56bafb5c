"""Assignments as their course sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotFound
from core.models import Assignment, AssignmentStatement, Course, Task, TaskDefinition
from core.services.assignments.rules import AssignmentRules, read_rules
from core.vocabulary import AssignmentState, state_at


@dataclass(frozen=True, slots=True)
class StatementFile:
    """The statement as a PDF. `size` in bytes."""

    file_name: str
    size: int


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """An assignment as its course sees it."""

    id: int
    course_id: int
    course_name: str
    timezone: str
    assignment_name: str
    assignment_description: str
    assignment_start_date: datetime
    assignment_end_date: datetime
    definition_id: int
    definition_name: str
    submissions: int
    state: AssignmentState
    rules: AssignmentRules
    statement: StatementFile | None = None


def list_assignments(ctx: Context, actor: Actor, course_id: int) -> list[AssignmentView]:
    """All assignments of the course, the latest due first."""
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_COURSE, course_id=course_id)
        return read_assignments(session, ctx, course_id)


def get_assignment(ctx: Context, actor: Actor, assignment_id: int) -> AssignmentView:
    """One assignment.

    Raises:
        NotFound: there is none, or the actor is a stranger to its course.

    """
    with ctx.db.transaction() as session:
        require_in_course_of(session, actor, Right.READ_COURSE, assignment_id)
        return read_assignment(session, ctx, assignment_id)


def require_in_course_of(session: Session, actor: Actor, right: Right, assignment_id: int) -> int:
    """Let `actor` pass if they have `right` in the assignment's course; the id of the course.

    Raises:
        NotFound: there is no such assignment, in the same words for a stranger to its course.
        NotAllowed: a member whose role does not allow it.

    """
    course_id = session.scalar(select(Assignment.course_id).where(Assignment.id == assignment_id))
    if course_id is None:
        raise NotFound(what="assignment")
    try:
        require(session, actor, right, course_id=course_id)
    except NotFound as stranger:
        raise NotFound(what="assignment") from stranger
    return course_id


def read_assignments(session: Session, ctx: Context, course_id: int) -> list[AssignmentView]:
    """As `list_assignments`, for use cases that have asked for their right."""
    rows = _query().where(Assignment.course_id == course_id)
    ordered = rows.order_by(Assignment.assignment_end_date.desc(), Assignment.id.desc())
    return [_view(ctx, row) for row in session.execute(ordered)]


def read_assignment(session: Session, ctx: Context, assignment_id: int) -> AssignmentView:
    """As `get_assignment`, for use cases that have asked for their right.

    Raises:
        NotFound: there is none.

    """
    row = session.execute(_query().where(Assignment.id == assignment_id)).one_or_none()
    if row is None:
        raise NotFound(what="assignment")
    return _view(ctx, row)


def _query() -> Select[Assignment, Course, str, int, AssignmentStatement | None]:
    counted = (
        select(func.count(Task.id)).where(Task.assignment_id == Assignment.id).correlate(Assignment)
    ).scalar_subquery()
    return (
        select(Assignment, Course, TaskDefinition.definition_name, counted, AssignmentStatement)
        .join(Course, Course.id == Assignment.course_id)
        .join(TaskDefinition, TaskDefinition.id == Assignment.definition_id)
        .outerjoin(AssignmentStatement, AssignmentStatement.assignment_id == Assignment.id)
    )


def _view(ctx: Context, row: Row[Assignment, Course, str, int, AssignmentStatement | None]) -> AssignmentView:
    assignment, course, definition_name, submissions, statement = row
    return AssignmentView(
        id=assignment.id,
        course_id=course.id,
        course_name=course.course_name,
        timezone=course.timezone,
        assignment_name=assignment.assignment_name,
        assignment_description=assignment.assignment_description,
        assignment_start_date=assignment.assignment_start_date,
        assignment_end_date=assignment.assignment_end_date,
        definition_id=assignment.definition_id,
        definition_name=definition_name,
        submissions=submissions,
        state=state_at(assignment.assignment_start_date, assignment.assignment_end_date, ctx.now()),
        rules=read_rules(assignment),
        statement=StatementFile(statement.file_name, statement.size) if statement else None,
    )
