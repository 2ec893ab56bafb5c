"""Courses and who is in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NameTaken, NotAllowed, NotSignedIn, Required
from core.models import Course, CourseMember, User
from core.vocabulary import Role


@dataclass(frozen=True, slots=True)
class CourseSummary:
    """A course as one of its members sees it. `role` is None for an admin who is no member."""

    id: int
    name: str
    timezone: str
    is_demo: bool
    creation_timestamp: datetime
    role: Role | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person of a course."""

    id: int
    email: str
    full_name: str
    role: Role


def list_my_courses(ctx: Context, actor: Actor) -> list[CourseSummary]:
    """The courses that `actor` belongs to, by name; an admin sees all.

    Raises:
        NotSignedIn: nobody is asking.

    """
    if actor.user_id is None:
        raise NotSignedIn
    with ctx.db.transaction() as session:
        mine = (
            select(Course, CourseMember.role)
            .outerjoin(
                CourseMember,
                (CourseMember.course_id == Course.id) & (CourseMember.user_id == actor.user_id),
            )
            .order_by(Course.course_name)
        )
        if not actor.is_admin:
            mine = mine.where(CourseMember.user_id.is_not(None))
        return [
            CourseSummary(
                id=course.id,
                name=course.course_name,
                timezone=course.timezone,
                is_demo=course.is_demo,
                creation_timestamp=course.creation_timestamp,
                role=Role(role) if role else None,
            )
            for course, role in session.execute(mine)
        ]


def list_members(ctx: Context, actor: Actor, course_id: int) -> list[Member]:
    """Everybody in the course, professors first, then by e-mail."""
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_ROSTER, course_id=course_id)
        rows = session.execute(
            select(User.id, User.email, User.full_name, CourseMember.role)
            .join(CourseMember, CourseMember.user_id == User.id)
            .where(CourseMember.course_id == course_id)
        )
        members = [Member(row.id, row.email, row.full_name, Role(row.role)) for row in rows]
    order = list(Role)
    return sorted(members, key=lambda member: (order.index(member.role), member.email))


def create_course(
    ctx: Context, actor: Actor, *, name: str, timezone: str | None = None, is_demo: bool = False
) -> int:
    """A new course; the person who creates it teaches it. Answers its id.

    Raises:
        NotAllowed: only the platform and admins create courses.
        NameTaken: another course has the name.

    """
    if not (actor.is_platform or actor.is_admin):
        raise NotAllowed
    if not name.strip():
        raise Required(field="course_name")
    with ctx.db.transaction() as session:
        if session.scalar(select(Course.id).where(Course.course_name == name.strip())):
            raise NameTaken(name=name.strip())
        course = Course(
            course_name=name.strip(),
            timezone=timezone or ctx.settings.timezone,
            is_demo=is_demo,
            creation_timestamp=ctx.now(),
        )
        session.add(course)
        session.flush()
        if actor.user_id is not None:
            session.add(
                CourseMember(
                    course_id=course.id, user_id=actor.user_id, role=Role.PROFESSOR, joined_at=ctx.now()
                )
            )
        return course.id


def enrol(ctx: Context, actor: Actor, course_id: int, user_id: int, role: Role) -> None:
    """Give a person a role in a course, or another one if they are in it already.

    Raises:
        NotAllowed: only the platform and admins do this for now.

    """
    if not (actor.is_platform or actor.is_admin):
        raise NotAllowed
    with ctx.db.transaction() as session:
        member = session.get(CourseMember, (course_id, user_id))
        if member is None:
            session.add(CourseMember(course_id=course_id, user_id=user_id, role=role, joined_at=ctx.now()))
        else:
            member.role = role
