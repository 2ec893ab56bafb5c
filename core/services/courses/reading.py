"""Which courses there are for somebody, and who is in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from core.auth import Right, courses_with, require
from core.context import Actor, Context
from core.db import natural
from core.errors import NotFound, NotSignedIn
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
    """A person of a course. `is_confirmed` tells whether their mailbox is proven, so that the role holds."""

    id: int
    email: str
    full_name: str
    role: Role
    student_code: str | None
    has_password: bool
    is_confirmed: bool
    joined_at: datetime


def list_my_courses(ctx: Context, actor: Actor) -> list[CourseSummary]:
    """The courses that `actor` belongs to, by name; an admin sees all.

    Raises:
        NotSignedIn: nobody is asking.

    """
    if actor.user_id is None:
        raise NotSignedIn
    with ctx.db.transaction() as session:
        mine = [] if actor.is_admin else [CourseMember.user_id.is_not(None)]
        return _courses(session, actor, *mine)


def get_course(ctx: Context, actor: Actor, course_id: int) -> CourseSummary:
    """One course.

    Raises:
        NotFound: there is none with this id, or the actor does not belong to it.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_COURSE, course_id=course_id)
        found = _courses(session, actor, Course.id == course_id)
    if not found:
        raise NotFound(what="course")
    return found[0]


def _courses(session: Session, actor: Actor, *which: ColumnElement[bool]) -> list[CourseSummary]:
    rows = session.execute(
        select(
            Course.id,
            Course.course_name,
            Course.timezone,
            Course.is_demo,
            Course.creation_timestamp,
            CourseMember.role,
        )
        .outerjoin(
            CourseMember,
            (CourseMember.course_id == Course.id)
            & (CourseMember.user_id == actor.user_id)
            & exists(select(User.id).where(User.id == actor.user_id, User.confirmed_at.is_not(None))),
        )
        .where(*which)
        .order_by(natural(Course.course_name), Course.id)
    )
    return [
        CourseSummary(number, name, timezone, is_demo, created, Role(role) if role else None)
        for number, name, timezone, is_demo, created, role in rows
    ]


def strongest_role(courses: Iterable[CourseSummary]) -> Role | None:
    """The role with the most rights among those of `courses`."""
    roles = {course.role for course in courses}
    return next((role for role in Role if role in roles), None)


def list_members(ctx: Context, actor: Actor, course_id: int) -> list[Member]:
    """Everybody in the course, professors first, then by e-mail.

    Raises:
        NotFound, NotAllowed: the list is for those who teach.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_ROSTER, course_id=course_id)
        members = read_members(session, CourseMember.course_id == course_id)
    order = list(Role)
    return sorted(members, key=lambda member: order.index(member.role))


def list_students(ctx: Context, actor: Actor, course_id: int) -> list[Member]:
    """The students of the course, by e-mail.

    Raises:
        NotFound, NotAllowed: the list is for those who teach.

    """
    return [member for member in list_members(ctx, actor, course_id) if member.role is Role.STUDENT]


def get_member(ctx: Context, actor: Actor, course_id: int, user_id: int) -> Member:
    """One person of the course.

    Raises:
        NotFound, NotAllowed: they are not in it, or the actor does not teach it.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_ROSTER, course_id=course_id)
        found = read_members(session, CourseMember.course_id == course_id, CourseMember.user_id == user_id)
    if not found:
        raise NotFound(what="member")
    return found[0]


def known_people(session: Session, actor: Actor, user_ids: Collection[int]) -> set[int]:
    """Return those of `user_ids` whom the actor has in a course that they teach; for an admin all.

    Of others no use case may tell the actor anything but what they brought themselves.
    """
    mine = courses_with(session, actor, Right.READ_ROSTER)
    if mine is None:
        return set(user_ids)
    query = select(CourseMember.user_id).where(
        CourseMember.user_id.in_(user_ids), CourseMember.course_id.in_(mine)
    )
    return set(session.scalars(query))


def read_members(session: Session, *which: ColumnElement[bool]) -> list[Member]:
    """The memberships that match, by e-mail, in the caller's transaction."""
    rows = session.execute(
        select(User, CourseMember)
        .join(CourseMember, CourseMember.user_id == User.id)
        .where(*which)
        .order_by(natural(User.email), User.id)
    )
    return [
        Member(
            id=user.id,
            email=user.email,
            full_name=user.full_name,
            role=Role(member.role),
            student_code=user.student_code,
            has_password=user.password_hash is not None,
            is_confirmed=user.confirmed_at is not None,
            joined_at=member.joined_at,
        )
        for user, member in rows
    ]
