"""Lists of submissions, page by page: for those who teach all of their courses', for students their own.

The newest come first, by id. What arrives meanwhile has a higher id, so it never shifts a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, false, select, true
from sqlalchemy.orm import Session

from core.auth import Right, courses_with, require
from core.context import Actor, Context
from core.errors import NotAllowed, NotFound
from core.models import (
    Assignment,
    Course,
    CourseMember,
    ProcessingStage,
    Task,
    TaskAttempt,
    TaskStageStatus,
)
from core.services.paging import PAGE_LIMIT, decode_cursor, encode_cursor
from core.services.submissions.rows import TaskRow, course_of, read_rows, task_query
from core.vocabulary import StageStatus


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which submissions are listed; None does not filter.

    With `stage` (a name), `status` is the one of that stage rather than of the task. `since` is
    the earliest moment of submission.
    """

    assignment_id: int | None = None
    course_id: int | None = None
    status: StageStatus | None = None
    stage: str | None = None
    student_id: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Some submissions, newest first; `next_cursor` is None on the last page."""

    items: tuple[TaskRow, ...]
    next_cursor: str | None


def list_tasks(
    ctx: Context, actor: Actor, wanted: TaskFilter, *, cursor: str | None = None, limit: int = 50
) -> TaskPage:
    """The submissions that `actor` may see, one page of at most `limit` (1 to `PAGE_LIMIT`).

    Raises:
        NotSignedIn: nobody is asking.
        NotFound: the assignment or course does not exist, or is none of the actor's.
        BadCursor: the cursor was not answered here.

    """
    limit = max(1, min(limit, PAGE_LIMIT))
    conditions = _conditions(wanted)
    if cursor is not None:
        conditions.append(Task.id < decode_cursor(cursor))
    with ctx.db.transaction() as session:
        found = _visible(session, actor, wanted, conditions, limit + 1)
        rows = session.execute(
            task_query().where(Task.id.in_(found)).order_by(Task.id.desc()).limit(limit + 1)
        )
        items = read_rows(session, rows.all())
    more = len(items) > limit
    return TaskPage(items[:limit], encode_cursor(items[limit - 1].id) if more else None)


def _conditions(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.student_id is not None:
        conditions.append(Task.created_by_id == wanted.student_id)
    if wanted.since is not None:
        conditions.append(Task.creation_timestamp >= wanted.since)
    if wanted.stage is not None:
        conditions.append(_has_stage(wanted.stage, wanted.status))
    elif wanted.status is not None:
        conditions.append(Task.status_id == wanted.status)
    return conditions


def _has_stage(name: str, status: StageStatus | None) -> ColumnElement[bool]:
    query = (
        select(TaskStageStatus.id)
        .join(TaskAttempt, TaskAttempt.id == TaskStageStatus.attempt_id)
        .where(
            TaskStageStatus.task_id == Task.id,
            TaskAttempt.number == Task.current_attempt,
            TaskStageStatus.stage_id
            == select(ProcessingStage.id).where(ProcessingStage.stage_name == name).scalar_subquery(),
        )
    )
    if status is not None:
        query = query.where(TaskStageStatus.status_id == status)
    return exists(query)


def _visible(
    session: Session, actor: Actor, wanted: TaskFilter, conditions: list[ColumnElement[bool]], limit: int
) -> Select[int]:
    """Ids of the newest `limit` that fit, found along an index: per assignment, then together."""
    everybody = _courses_to_oversee(session, actor)
    _check_reach(session, actor, wanted, everybody)
    newest = Task.id.desc()
    if everybody is None and wanted.assignment_id is None and wanted.course_id is None:
        submitted = Task.assignment_id.is_not(None)  # no dry run
        return select(Task.id).where(submitted, *conditions).order_by(newest).limit(limit)
    overseen = true() if everybody is None else Assignment.course_id.in_(everybody)
    places = select(Assignment.id).where(overseen, *_scope(wanted)).subquery()
    of_place = (
        select(Task.id)
        .where(Task.assignment_id == places.c.id, *conditions)
        .order_by(newest)
        .limit(limit)
        .lateral()
    )
    mine = (
        select(Assignment.id)
        .join(CourseMember, CourseMember.course_id == Assignment.course_id)
        .where(CourseMember.user_id == actor.user_id, *_scope(wanted))
    )
    own = (
        select(Task.id)
        .where(
            Task.created_by_id == actor.user_id if actor.user_id is not None else false(),
            Task.assignment_id.in_(mine),
            *conditions,
        )
        .order_by(newest)
        .limit(limit)
        .subquery()
    )
    both = select(of_place.c.id).select_from(places.join(of_place, true())).union(select(own.c.id)).subquery()
    return select(both.c.id).order_by(both.c.id.desc()).limit(limit)


def _courses_to_oversee(session: Session, actor: Actor) -> set[int] | None:
    """Ids of the courses in which `actor` sees everybody's submissions; None: all of them."""
    if actor.is_orchestrator:  # it names the submissions that it asks for
        raise NotAllowed
    return courses_with(session, actor, Right.LIST_TASKS)


def _check_reach(session: Session, actor: Actor, wanted: TaskFilter, everybody: set[int] | None) -> None:
    course_ids = {wanted.course_id} - {None}
    if wanted.assignment_id is not None:
        course_ids.add(course_of(session, wanted.assignment_id))
    for course_id in course_ids:
        if everybody is None and session.get(Course, course_id) is None:
            raise NotFound(what="course")
        if everybody is not None and course_id not in everybody:
            require(session, actor, Right.READ_COURSE, course_id=course_id)


def _scope(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.assignment_id is not None:
        conditions.append(Assignment.id == wanted.assignment_id)
    if wanted.course_id is not None:
        conditions.append(Assignment.course_id == wanted.course_id)
    return conditions
