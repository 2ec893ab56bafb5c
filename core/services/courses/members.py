"""One person in, out, or in another role."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, may, require
from core.context import Actor, Context
from core.db import notify
from core.errors import AccountClosed, HasOtherRole, LastProfessor, NotFound, OnlyAdmins
from core.models import Course, CourseMember, User
from core.services.accounts import check_domain, clean_email, clean_name
from core.services.courses.invitations import Invitation, welcome
from core.services.courses.reading import Member, known_people, read_members
from core.vocabulary import Role


@dataclass(frozen=True, slots=True)
class MemberAdded:
    """A member after a change. `invitation` is there if they were asked to set a password."""

    member: Member
    is_new_account: bool
    invitation: Invitation | None


def add_member(
    ctx: Context, actor: Actor, course_id: int, *, email: str, role: Role, full_name: str = ""
) -> MemberAdded:
    """Put a person into the course by their e-mail; an account is made if there is none.

    The role of a person whose mailbox is not proven holds only afterwards: they are invited. A person who
    is in the course with this role stays so, and is not invited again.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins.
        OnlyAdmins: the person would become a professor and is none anywhere yet.
        BadEmail, EmailNotAllowed, TooLong: a new account cannot have this address or name.
        AccountClosed: it cannot be signed in to; raised only for people in a course of the actor.
        HasOtherRole: in the course as something else; see `set_role`.

    """
    address, name = clean_email(email), clean_name(full_name)
    with ctx.db.transaction() as session:
        course = _locked_course(session, actor, course_id)
        user, is_new = _account(session, ctx, actor, address, name)
        if role is Role.PROFESSOR:
            _check_professor(session, actor, user)
        member = session.get(CourseMember, (course_id, user.id))
        if member is not None and member.role != role:
            raise HasOtherRole
        invited: list[Invitation] = []
        if member is None:
            session.add(CourseMember(course_id=course_id, user_id=user.id, role=role, joined_at=ctx.now()))
            session.flush()
            invited = welcome(session, ctx, actor, course.course_name, [user])
        notify(session, f"course:{course_id}", f"user:{user.id}")
        return MemberAdded(_view(session, course_id, user.id), is_new, invited[0] if invited else None)


def set_role(ctx: Context, actor: Actor, course_id: int, user_id: int, role: Role) -> MemberAdded:
    """Give a member of the course another role. Of a person who is not confirmed it holds only afterwards.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins; only its members.
        OnlyAdmins: the person would become a professor and is none anywhere yet.
        LastProfessor: nobody would teach the course.

    """
    with ctx.db.transaction() as session:
        course = _locked_course(session, actor, course_id)
        member, user = _member(session, course_id, user_id), session.get_one(User, user_id)
        if role is Role.PROFESSOR and member.role != role:
            _check_professor(session, actor, user)
        if role is not Role.PROFESSOR:
            _check_not_last(session, member)
        invited: list[Invitation] = []
        if member.role != role:
            member.role = role
            session.flush()
            invited = welcome(session, ctx, actor, course.course_name, [user])
        notify(session, f"course:{course_id}", f"user:{user_id}")
        return MemberAdded(_view(session, course_id, user_id), False, invited[0] if invited else None)


def remove_member(ctx: Context, actor: Actor, course_id: int, user_id: int) -> None:
    """Take somebody out of the course. Their account stays, and what they submitted.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins; only its members.
        LastProfessor: nobody would teach the course.

    """
    with ctx.db.transaction() as session:
        _locked_course(session, actor, course_id)
        member = _member(session, course_id, user_id)
        _check_not_last(session, member)
        session.delete(member)
        notify(session, f"course:{course_id}", f"user:{user_id}")


def _locked_course(session: Session, actor: Actor, course_id: int) -> Course:
    """The course, held so that two professors cannot put each other out at the same moment."""
    require(session, actor, Right.EDIT_ROSTER, course_id=course_id)
    course = session.get(Course, course_id, with_for_update={"key_share": True})
    if course is None:
        raise NotFound(what="course")
    return course


def _account(session: Session, ctx: Context, actor: Actor, email: str, full_name: str) -> tuple[User, bool]:
    user = session.scalar(select(User).where(User.email == email))
    if user is not None and user.id in known_people(session, actor, [user.id]):
        if user.disabled_at is not None:
            raise AccountClosed
        return user, False
    check_domain(ctx, email)
    if user is not None:
        return user, False
    session.execute(
        insert(User)
        .values(email=email, full_name=full_name, created_at=ctx.now())
        .on_conflict_do_nothing(index_elements=["email"])
    )
    return session.scalars(select(User).where(User.email == email)).one(), True


def _check_professor(session: Session, actor: Actor, user: User) -> None:
    """Whoever teaches somewhere may teach here too; new professors are made by admins (contract 1)."""
    teaches = select(CourseMember.user_id).where(
        CourseMember.user_id == user.id, CourseMember.role == Role.PROFESSOR
    )
    if not may(session, actor, Right.MAKE_PROFESSOR) and session.scalar(teaches.limit(1)) is None:
        raise OnlyAdmins


def _check_not_last(session: Session, member: CourseMember) -> None:
    others = (
        select(func.count())
        .select_from(CourseMember)
        .join(User, User.id == CourseMember.user_id)
        .where(
            CourseMember.course_id == member.course_id,
            CourseMember.role == Role.PROFESSOR,
            CourseMember.user_id != member.user_id,
            User.confirmed_at.is_not(None),
        )
    )
    if member.role == Role.PROFESSOR and not session.scalar(others):
        raise LastProfessor


def _member(session: Session, course_id: int, user_id: int) -> CourseMember:
    member = session.get(CourseMember, (course_id, user_id))
    if member is None:
        raise NotFound(what="member")
    return member


def _view(session: Session, course_id: int, user_id: int) -> Member:
    return read_members(session, CourseMember.course_id == course_id, CourseMember.user_id == user_id)[0]
