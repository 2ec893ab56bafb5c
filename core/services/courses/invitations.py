"""Asking people who have no password yet to set one: by mail, or by a link that is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.auth import Right, may, require
from core.context import Actor, Context
from core.errors import HasPassword, NotFound, OnlyAdmins
from core.models import Course, CourseMember, User
from core.services.accounts import issue_link, queue_mails
from core.vocabulary import LinkPurpose, Role


@dataclass(frozen=True, slots=True)
class Invitation:
    """How somebody is asked to set a password: `link` is to be handed over; None: a mail goes out."""

    email: str
    link: str | None


def invite(
    session: Session, ctx: Context, actor: Actor, course_name: str, people: Iterable[User]
) -> list[Invitation]:
    """Invite those of `people` who have no password, in the caller's transaction.

    Where no mail is sent, whoever can see a link could take the account over. So links are shown
    for accounts that hold nothing beyond the actor's own courses; for others an admin must.
    """
    wanted = [user for user in people if user.password_hash is None]
    if ctx.settings.sends_mail:
        addresses = [user.email for user in wanted]
        queue_mails(session, ctx, addresses, LinkPurpose.INVITATION, course_name=course_name)
        return [Invitation(address, None) for address in addresses]
    showable = _showable(session, actor, [user.id for user in wanted])
    return [
        Invitation(user.email, issue_link(session, ctx, user.id, LinkPurpose.INVITATION).url)
        for user in wanted
        if user.id in showable
    ]


def invite_again(ctx: Context, actor: Actor, course_id: int, user_id: int) -> Invitation:
    """Another invitation for a member who has not set a password.

    Raises:
        NotFound, NotAllowed: only professors of the course and admins; only members are invited.
        HasPassword: no invitation is needed.
        OnlyAdmins: no mail is sent here and the account is also somebody in courses of others.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.EDIT_ROSTER, course_id=course_id)
        row = session.execute(
            select(User, Course.course_name)
            .join(CourseMember, CourseMember.user_id == User.id)
            .join(Course, Course.id == CourseMember.course_id)
            .where(Course.id == course_id, User.id == user_id, User.disabled_at.is_(None))
        ).one_or_none()
        if row is None:
            raise NotFound(what="member")
        user, course_name = row
        if user.password_hash is not None:
            raise HasPassword
        made = invite(session, ctx, actor, course_name, [user])
        if not made:
            raise OnlyAdmins
        return made[0]


def _showable(session: Session, actor: Actor, user_ids: Sequence[int]) -> set[int]:
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
