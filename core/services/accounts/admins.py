"""Who administers the platform."""

from __future__ import annotations

from sqlalchemy import or_, select

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import LastAdmin, NotFound
from core.models import User
from core.services.accounts.links import IssuedLink, end_links, issue_link
from core.services.accounts.mails import queue_mails
from core.vocabulary import LinkPurpose


def set_admin(ctx: Context, actor: Actor, person_id: int, *, is_admin: bool) -> IssuedLink | None:
    """Let a person administer the platform, or no longer.

    Where the mailbox of a new admin is not proven, the role holds only afterwards: they are sent an
    invitation, or, where no mail is sent, its link is returned.

    Raises:
        NotAllowed: the actor is no admin.
        NotFound: no such account, or it is closed.
        LastAdmin: there would be no other admin whose mailbox is proven.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_ACCOUNTS)
        which = or_(User.id == person_id, User.is_admin)  # all admins, so that two cannot unmake each other
        found = session.scalars(
            select(User).where(which, User.disabled_at.is_(None)).order_by(User.id).with_for_update()
        ).all()
        user = next((user for user in found if user.id == person_id), None)
        if user is None:
            raise NotFound(what="person")
        others = [other for other in found if other is not user and other.confirmed_at is not None]
        if not is_admin and not any(other.is_admin for other in others):
            raise LastAdmin
        grows, user.is_admin = is_admin and not user.is_admin, is_admin
        if not grows:
            return None
        end_links(session, ctx, [user.id])
        if user.confirmed_at is not None:
            return None
        if ctx.settings.sends_mail:
            queue_mails(session, ctx, [user.email], LinkPurpose.INVITATION)
            return None
        return issue_link(session, ctx, user.id, LinkPurpose.INVITATION)
