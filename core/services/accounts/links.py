"""One-time links by which people set a password: invitations and resets."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import LinkExpired, NotFound
from core.models import OneTimeLink, User
from core.services.accounts.hashing import digest
from core.vocabulary import LinkPurpose

LINK_LIVES: Mapping[LinkPurpose, timedelta] = MappingProxyType(
    {LinkPurpose.INVITATION: timedelta(days=7), LinkPurpose.RESET: timedelta(hours=1)}
)

LINK_PATH = "/set_password"
"""The dashboard's screen that reads `token` from the address."""


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link as it is shown or sent, once."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkView:
    """Whose password a living link sets, and why."""

    email: str
    full_name: str
    purpose: LinkPurpose
    expires_at: datetime


def issue_link(session: Session, ctx: Context, user_id: int, purpose: LinkPurpose) -> IssuedLink:
    """Make a link in the caller's transaction. Earlier ones stay good until one is used."""
    token = secrets.token_urlsafe(32)
    now = ctx.now()
    expires_at = now + LINK_LIVES[purpose]
    session.add(
        OneTimeLink(
            token_hash=digest(token), user_id=user_id, purpose=purpose, created_at=now, expires_at=expires_at
        )
    )
    return IssuedLink(f"{ctx.settings.dashboard_url}{LINK_PATH}?token={token}", expires_at)


def find_link(ctx: Context, token: str) -> LinkView:
    """What a link is good for, without spending it: programs that look at mails open links too.

    Raises:
        LinkExpired: unknown, spent, too old, or an invitation of somebody who has a password.

    """
    with ctx.db.transaction() as session:
        row = session.execute(
            select(OneTimeLink, User)
            .join(User, User.id == OneTimeLink.user_id)
            .where(*_alive(ctx, token), _suits())
        ).one_or_none()
        if row is None:
            raise LinkExpired
        link, user = row
        return LinkView(user.email, user.full_name, LinkPurpose(link.purpose), link.expires_at)


def spend_link(session: Session, ctx: Context, token: str) -> int | None:
    """Use a link up; the id of its person, or None when it is not good any more."""
    return session.scalar(
        update(OneTimeLink)
        .where(
            *_alive(ctx, token), exists(select(User.id).where(User.id == OneTimeLink.user_id).where(_suits()))
        )
        .values(used_at=ctx.now())
        .returning(OneTimeLink.user_id)
    )


def create_reset_link(ctx: Context, actor: Actor, person_id: int) -> IssuedLink:
    """A reset link that an admin hands to a person, for where no mail is sent.

    Raises:
        NotAllowed: the actor is no admin.
        NotFound: no such account, or it is closed.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_ACCOUNTS)
        user = session.get(User, person_id)
        if user is None or user.disabled_at is not None:
            raise NotFound(what="person")
        return issue_link(session, ctx, user.id, LinkPurpose.RESET)


def _alive(ctx: Context, token: str) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeLink.token_hash == digest(token),
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > ctx.now(),
    )


def _suits() -> ColumnElement[bool]:
    """An invitation is for the first password only; neither opens a closed account."""
    first = or_(OneTimeLink.purpose != LinkPurpose.INVITATION, User.password_hash.is_(None))
    return User.disabled_at.is_(None) & first
