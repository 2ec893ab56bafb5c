"""Asking people to prove their mailbox by setting a password: by mail, or by a link that is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from core.auth import Right, may, require
from core.context import Actor, Context
from core.errors import HasPassword, NotFound, OnlyAdmins, TooManyAttempts
from core.models import Course, CourseMember, User
from core.services.accounts import MAIL_WINDOW, end_links, issue_link, lock_people, queue_mails
from core.vocabulary import LinkPurpose, Role


class Delivery(StrEnum):
    """How an invitation reaches its person."""

    MAIL = "mail"
    LINK = "link"
    """Handed over by the person who invites."""
    ADMIN = "admin"
    """The account is also in courses of others: only an admin may see its link."""
    LATER = "later"
    """The mailbox has been sent enough invitations lately."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """How a person is asked to set a password. `link` is there when it is to be handed over."""

    email: str
    link: str | None
    delivery: Delivery


def welcome(
    session: Session, ctx: Context, actor: Actor, course_name: str, people: Collection[User]
) -> list[Invitation]:
    """End the open links of `people`, whose rights grow, and invite those who are not confirmed.

    For the caller's transaction, after the roles are written.
    """
    end_links(session, ctx, [user.id for user in people])
    return invite(session, ctx, actor, course_name, people)


def invite(
    session: Session, ctx: Context, actor: Actor, course_name: str, people: Iterable[User]
) -> list[Invitation]:
    """Invite those of `people` who have no password or no proven mailbox, in the caller's transaction.

    Where no mail is sent, whoever can see a link could take the account over. So links are shown
    for accounts that hold nothing beyond the actor's own courses; for others an admin must.
    """
    wanted = {user.email: user.id for user in people if not is_ready(user)}
    if ctx.settings.sends_mail:
        sent = queue_mails(session, ctx, list(wanted), LinkPurpose.INVITATION, course_name=course_name)
        return [
            Invitation(address, None, Delivery.MAIL if address in sent else Delivery.LATER)
            for address in wanted
        ]
    lock_people(session, wanted.values())  # no rights grow before the link is there
    showable = _showable(session, actor, wanted.values())
    return [
        Invitation(address, issue_link(session, ctx, number, LinkPurpose.INVITATION).url, Delivery.LINK)
        if number in showable
        else Invitation(address, None, Delivery.ADMIN)
        for address, number in wanted.items()
    ]


def is_ready(user: User) -> bool:
    """Whether the person can sign in and their roles hold."""
    return user.password_hash is not None and user.confirmed_at is not None


def invite_again(ctx: Context, actor: Actor, course_id: int, user_id: int) -> Invitation:
    """Send or return another invitation for a member who has not set a password.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins; only members are invited.
        HasPassword: no invitation is needed.
        OnlyAdmins: no mail is sent here and the account is also somebody in courses of others.
        TooManyAttempts: the mailbox has been sent enough of them lately.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.EDIT_ROSTER, course_id=course_id)
        user = session.scalar(_members(course_id).where(User.id == user_id))
        if user is None:
            raise NotFound(what="member")
        if is_ready(user):
            raise HasPassword
        (made,) = invite(session, ctx, actor, _name_of(session, course_id), [user])
        if made.delivery is Delivery.ADMIN:
            raise OnlyAdmins
        if made.delivery is Delivery.LATER:
            raise TooManyAttempts(minutes=int(MAIL_WINDOW.total_seconds() // 60))
        return made


def invite_all_again(ctx: Context, actor: Actor, course_id: int) -> list[Invitation]:
    """Send or return another invitation for each member who has not set a password.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.EDIT_ROSTER, course_id=course_id)
        waiting = or_(User.password_hash.is_(None), User.confirmed_at.is_(None))
        people = session.scalars(_members(course_id).where(waiting).order_by(User.id)).all()
        return invite(session, ctx, actor, _name_of(session, course_id), people)


def _members(course_id: int) -> Select[User]:
    return (
        select(User)
        .join(CourseMember, CourseMember.user_id == User.id)
        .where(CourseMember.course_id == course_id, User.disabled_at.is_(None))
    )


def _name_of(session: Session, course_id: int) -> str:
    return session.get_one(Course, course_id).course_name


def _showable(session: Session, actor: Actor, user_ids: Collection[int]) -> set[int]:
    if may(session, actor, Right.MANAGE_ACCOUNTS):
        return set(user_ids)
    mine = select(CourseMember.course_id).where(
        CourseMember.user_id == actor.user_id, CourseMember.role == Role.PROFESSOR
    )
    elsewhere = select(CourseMember.user_id).where(
        CourseMember.user_id.in_(user_ids), CourseMember.course_id.not_in(mine)
    )
    plain = select(User.id).where(User.id.in_(user_ids), User.is_admin.is_(False), User.id.not_in(elsewhere))
    return set(session.scalars(plain))
