"""Assignments: a definition opened to a course from a start to a due date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import EndBeforeStart, InUse, NameTaken, NotFound, Required, TooLong
from core.models import Assignment, Course, Task, TaskDefinition
from core.vocabulary import AssignmentState

NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class AssignmentDraft:
    """What a professor says of an assignment. Dates are aware."""

    assignment_name: str
    task_definition_id: int
    assignment_start_date: datetime
    assignment_end_date: datetime
    assignment_description: str = ""


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


def state_at(start: datetime, end: datetime, moment: datetime) -> AssignmentState:
    """What the dates mean at `moment`; the due moment itself is still in time."""
    if moment < start:
        return AssignmentState.UPCOMING
    return AssignmentState.OPEN if moment <= end else AssignmentState.CLOSED


def list_assignments(ctx: Context, actor: Actor, course_id: int) -> list[AssignmentView]:
    """All assignments of the course, the latest due first."""
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_COURSE, course_id=course_id)
        rows = _query().where(Assignment.course_id == course_id)
        return [
            _view(ctx, *row) for row in session.execute(rows.order_by(Assignment.assignment_end_date.desc()))
        ]


def get_assignment(ctx: Context, actor: Actor, assignment_id: int) -> AssignmentView:
    """One assignment.

    Raises:
        NotFound: there is none, or the actor is a stranger to its course.

    """
    with ctx.db.transaction() as session:
        row = session.execute(_query().where(Assignment.id == assignment_id)).one_or_none()
        if row is None:
            raise NotFound(what="assignment")
        require(session, actor, Right.READ_COURSE, course_id=row[0].course_id)
        return _view(ctx, *row)


def create_assignment(ctx: Context, actor: Actor, course_id: int, draft: AssignmentDraft) -> AssignmentView:
    """Open a definition to a course.

    Raises:
        NotAllowed: only professors of the course.
        Invalid, NameTaken, NotFound: a field, the name or the definition.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.CREATE_ASSIGNMENT, course_id=course_id)
        _check(session, draft, course_id)
        assignment = Assignment(
            course_id=course_id,
            definition_id=draft.task_definition_id,
            assignment_name=draft.assignment_name.strip(),
            assignment_description=draft.assignment_description,
            assignment_start_date=draft.assignment_start_date,
            assignment_end_date=draft.assignment_end_date,
            created_by_id=_creator(session, actor, draft.task_definition_id),
            creation_timestamp=ctx.now(),
        )
        session.add(assignment)
        session.flush()
        notify(session, f"course:{course_id}")
        created = assignment.id
    return get_assignment(ctx, actor, created)


def update_assignment(
    ctx: Context, actor: Actor, assignment_id: int, draft: AssignmentDraft
) -> AssignmentView:
    """Change an assignment; its definition only while nobody has submitted.

    Raises:
        InUse: there are submissions and the definition would change.

    """
    with ctx.db.transaction() as session:
        assignment = _locked(session, assignment_id)
        require(session, actor, Right.EDIT_ASSIGNMENT, course_id=assignment.course_id)
        _check(session, draft, assignment.course_id, assignment_id)
        if draft.task_definition_id != assignment.definition_id and _count_tasks(session, assignment_id):
            raise InUse(names=assignment.assignment_name)
        assignment.definition_id = draft.task_definition_id
        assignment.assignment_name = draft.assignment_name.strip()
        assignment.assignment_description = draft.assignment_description
        assignment.assignment_start_date = draft.assignment_start_date
        assignment.assignment_end_date = draft.assignment_end_date
        notify(session, f"course:{assignment.course_id}")
    return get_assignment(ctx, actor, assignment_id)


def delete_assignment(ctx: Context, actor: Actor, assignment_id: int) -> None:
    """Remove an assignment that nobody has submitted to.

    Raises:
        InUse: there are submissions.

    """
    with ctx.db.transaction() as session:
        assignment = _locked(session, assignment_id)
        require(session, actor, Right.EDIT_ASSIGNMENT, course_id=assignment.course_id)
        if _count_tasks(session, assignment_id):
            raise InUse(names=assignment.assignment_name)
        session.delete(assignment)
        notify(session, f"course:{assignment.course_id}")


def _locked(session: Session, assignment_id: int) -> Assignment:
    found = session.get(Assignment, assignment_id, with_for_update=True)
    if found is None:
        raise NotFound(what="assignment")
    return found


def _count_tasks(session: Session, assignment_id: int) -> int:
    return session.scalar(select(func.count(Task.id)).where(Task.assignment_id == assignment_id)) or 0


def _creator(session: Session, actor: Actor, definition_id: int) -> int:
    if actor.user_id is not None:
        return actor.user_id
    return session.scalars(select(TaskDefinition.owner_id).where(TaskDefinition.id == definition_id)).one()


def _check(session: Session, draft: AssignmentDraft, course_id: int, own_id: int | None = None) -> None:
    name = draft.assignment_name.strip()
    if not name:
        raise Required(field="assignment_name")
    if len(name) > NAME_LIMIT:
        raise TooLong(field="assignment_name", limit=NAME_LIMIT)
    if draft.assignment_end_date <= draft.assignment_start_date:
        raise EndBeforeStart(field="assignment_end_date")
    if session.get(TaskDefinition, draft.task_definition_id) is None:
        raise NotFound(what="task definition")
    twin = session.scalar(
        select(Assignment.id).where(Assignment.course_id == course_id, Assignment.assignment_name == name)
    )
    if twin is not None and twin != own_id:
        raise NameTaken(name=name)


def _query() -> Select[Assignment, Course, str, int]:
    counted = (
        select(func.count(Task.id)).where(Task.assignment_id == Assignment.id).correlate(Assignment)
    ).scalar_subquery()
    return (
        select(Assignment, Course, TaskDefinition.definition_name, counted)
        .join(Course, Course.id == Assignment.course_id)
        .join(TaskDefinition, TaskDefinition.id == Assignment.definition_id)
    )


def _view(
    ctx: Context, assignment: Assignment, course: Course, definition_name: str, submissions: int
) -> AssignmentView:
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
    )
