"""Which submissions an operation is about, said in the words of the screen that shows them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session

from core.auth import Right, courses_with, require
from core.context import Actor
from core.models import Assignment, Task
from core.services.monitoring.failures import failed_ids
from core.services.monitoring.scope import Scope
from core.services.submissions.rows import course_of
from core.services.submissions.students import StudentFilter, matching


@dataclass(frozen=True, slots=True)
class ChosenTasks:
    """Submissions named one by one."""

    task_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MatchingStudents:
    """The submission of every student that matches the filter, on whatever page it is shown."""

    wanted: StudentFilter


@dataclass(frozen=True, slots=True)
class FailuresOf:
    """What stands failed within `scope`, of one group (`FailureGroup.id`) or, with None, of all."""

    scope: Scope
    group_id: str | None = None


Selection = ChosenTasks | MatchingStudents | FailuresOf


def select_tasks(session: Session, actor: Actor, selection: Selection) -> Select[int]:
    """Ids of the tasks that `selection` means, as far as `actor` may requeue them, in order of `Task.id`.

    Raises:
        NotSignedIn, NotAllowed: only who may requeue in some course may select.
        NotFound: the assignment or course does not exist, or is none of the actor's.

    """
    ids = _meant(session, actor, selection)
    courses = courses_with(session, actor, Right.REQUEUE)
    allowed = literal(value=True) if courses is None else Assignment.course_id.in_(courses)
    return (
        select(Task.id)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .where(Task.id.in_(ids), allowed)
        .order_by(Task.id)
    )


def _meant(session: Session, actor: Actor, selection: Selection) -> Select[int]:
    require(session, actor, Right.REQUEUE, course_id=_course_named(session, selection))
    match selection:
        case ChosenTasks():
            return select(Task.id).where(Task.id.in_(selection.task_ids))
        case MatchingStudents():
            found = matching(selection.wanted).subquery()
            return select(found.c.task_id)
        case FailuresOf():
            return failed_ids(session, actor, selection.scope, selection.group_id)


def _course_named(session: Session, selection: Selection) -> int | None:
    match selection:
        case MatchingStudents():
            return course_of(session, selection.wanted.assignment_id)
        case FailuresOf(scope=Scope(assignment_id=int(assignment_id))):
            return course_of(session, assignment_id)
        case FailuresOf(scope=Scope(course_id=course_id)):
            return course_id
        case ChosenTasks():
            return None
