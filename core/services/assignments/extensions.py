"""Extensions: a later due date for some students, never an earlier one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right
from core.context import Actor, Context
from core.db import natural, notify
from core.errors import EarlierThanDue, NotFound, Required
from core.models import Assignment, AssignmentExtension, Course, CourseMember, User
from core.services.assignments.reading import require_in_course_of
from core.services.texts import clean_text
from core.vocabulary import Role

REASON_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Extension:
    """A student's own due date, by whom (e-mail, None: the platform) and why."""

    student_id: int
    student_email: str
    student_name: str
    due_at: datetime
    reason: str
    granted_by: str | None
    granted_at: datetime


def list_extensions(ctx: Context, actor: Actor, assignment_id: int) -> list[Extension]:
    """All extensions of an assignment, by the student's e-mail.

    Raises:
        NotFound, NotAllowed: only who teaches its course.

    """
    granter = User.__table__.alias()
    with ctx.db.transaction() as session:
        require_in_course_of(session, actor, Right.READ_ROSTER, assignment_id)
        rows = session.execute(
            select(AssignmentExtension, User.email, User.full_name, granter.c.email)
            .join(User, User.id == AssignmentExtension.user_id)
            .outerjoin(granter, granter.c.id == AssignmentExtension.granted_by_id)
            .where(AssignmentExtension.assignment_id == assignment_id)
            .order_by(natural(User.email))
        ).all()
    return [
        Extension(found.user_id, email, name, found.due_at, found.reason, granted_by, found.granted_at)
        for found, email, name, granted_by in rows
    ]


def grant_extensions(
    ctx: Context,
    actor: Actor,
    assignment_id: int,
    student_ids: Collection[int],
    due_at: datetime,
    *,
    reason: str = "",
) -> int:
    """Give students of the course until `due_at` (aware), all or none; how many.

    A student who has an extension gets this one in its place.

    Raises:
        NotFound, NotAllowed: only professors of the course; only its students.
        Required: nobody was chosen.
        EarlierThanDue: the general due date is later.

    """
    reason = clean_text("reason", reason, limit=REASON_LIMIT)
    if not student_ids:
        raise Required(field="students")
    with ctx.db.transaction() as session:
        course_id = require_in_course_of(session, actor, Right.EDIT_ASSIGNMENT, assignment_id)
        end, zone = session.execute(
            select(Assignment.assignment_end_date, Course.timezone)
            .join(Course, Course.id == Assignment.course_id)
            .where(Assignment.id == assignment_id)
            .with_for_update(of=Assignment)
        ).one()
        if due_at < end:
            raise EarlierThanDue(due=f"{end.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})")
        students = _students(session, course_id, student_ids)
        values = {
            "due_at": due_at.astimezone(UTC),
            "reason": reason,
            "granted_by_id": actor.user_id,
            "granted_at": ctx.now(),
        }
        _put(session, assignment_id, students, values)
        notify(session, f"course:{course_id}", *(f"user:{user}" for user in students))
    return len(students)


def _students(session: Session, course_id: int, student_ids: Collection[int]) -> list[int]:
    found = session.scalars(
        select(CourseMember.user_id)
        .where(
            CourseMember.course_id == course_id,
            CourseMember.role == Role.STUDENT,
            CourseMember.user_id.in_(student_ids),
        )
        .order_by(CourseMember.user_id)
    ).all()
    if set(found) != set(student_ids):
        raise NotFound(what="student")
    return list(found)


def _put(session: Session, assignment_id: int, students: Sequence[int], values: Mapping[str, object]) -> None:
    adding = insert(AssignmentExtension)
    session.execute(
        adding.on_conflict_do_update(
            index_elements=["assignment_id", "user_id"],
            set_={name: adding.excluded[name] for name in values},
        ),
        [{"assignment_id": assignment_id, "user_id": user, **values} for user in students],
    )


def withdraw_extension(ctx: Context, actor: Actor, assignment_id: int, student_id: int) -> None:
    """Take an extension back; the general due date holds again. What was accepted stays.

    Raises:
        NotFound, NotAllowed: only professors of the course; there is no such extension.

    """
    with ctx.db.transaction() as session:
        course_id = require_in_course_of(session, actor, Right.EDIT_ASSIGNMENT, assignment_id)
        gone = session.scalar(
            delete(AssignmentExtension)
            .where(AssignmentExtension.assignment_id == assignment_id)
            .where(AssignmentExtension.user_id == student_id)
            .returning(AssignmentExtension.id)
        )
        if gone is None:
            raise NotFound(what="extension")
        notify(session, f"course:{course_id}", f"user:{student_id}")
