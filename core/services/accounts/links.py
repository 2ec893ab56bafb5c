"""One-time links by which people set a password and prove their mailbox."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import LinkExpired, NotFound
from core.models import OneTimeLink, Registration, User
from core.services.accounts.hashing import digest
from core.vocabulary import LinkPurpose

LINK_LIVES: Mapping[LinkPurpose, timedelta] = MappingProxyType(
    {
        LinkPurpose.INVITATION: timedelta(days=7),
        LinkPurpose.RESET: timedelta(hours=1),
        LinkPurpose.REGISTRATION: timedelta(days=1),
    }
)

LINK_PATH = "/link"
"""The dashboard's page that takes the token out of the fragment, which no server, log or referrer sees."""


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
    """Create a link in the caller's transaction. Earlier ones stay good until one is used."""
    return _issue(session, ctx, purpose, user_id=user_id)


def issue_registration_link(session: Session, ctx: Context, registration_id: int) -> IssuedLink:
    """Create a link that makes the account of a registration, in the caller's transaction."""
    return _issue(session, ctx, LinkPurpose.REGISTRATION, registration_id=registration_id)


def _issue(
    session: Session,
    ctx: Context,
    purpose: LinkPurpose,
    *,
    user_id: int | None = None,
    registration_id: int | None = None,
) -> IssuedLink:
    token = secrets.token_urlsafe(32)
    expires_at = ctx.now() + LINK_LIVES[purpose]
    session.add(
        OneTimeLink(
            token_hash=digest(token),
            user_id=user_id,
            registration_id=registration_id,
            purpose=purpose,
            created_at=ctx.now(),
            expires_at=expires_at,
        )
    )
    return IssuedLink(f"{ctx.settings.dashboard_url}{LINK_PATH}#token={token}", expires_at)


def find_link(ctx: Context, token: str) -> LinkView:
    """Return what a link is good for, without spending it: programs that look at mails open links too.

    Raises:
        LinkExpired: unknown, spent, too old, or for the first password of a person who has one.

    """
    with ctx.db.transaction() as session:
        row = session.execute(
            select(OneTimeLink, Registration, User)
            .outerjoin(Registration, Registration.id == OneTimeLink.registration_id)
            .outerjoin(User, or_(User.id == OneTimeLink.user_id, User.email == Registration.email))
            .where(*_alive(ctx, token))
        ).one_or_none()
        if row is None:
            raise LinkExpired
        link, registration, user = row
        purpose = LinkPurpose(link.purpose)
        if not _suits(user, purpose):
            raise LinkExpired
        owner = registration if user is None else user
        return LinkView(owner.email, owner.full_name, purpose, link.expires_at)


def spend_link(session: Session, ctx: Context, token: str) -> User:
    """Use a link up and return its person, locked; a registration becomes an account by it.

    The person is locked before the link, as in `end_links`.

    Raises:
        LinkExpired: it is not good any more.

    """
    link = session.scalar(select(OneTimeLink).where(*_alive(ctx, token)))
    if link is None:
        raise LinkExpired
    user: User | None
    if link.registration_id is not None:
        user = _make_account(session, ctx, session.get_one(Registration, link.registration_id))
    else:
        user = session.get(User, link.user_id, with_for_update={"key_share": True}, populate_existing=True)
    spent = session.scalar(
        update(OneTimeLink)
        .where(*_alive(ctx, token))
        .values(used_at=ctx.now())
        .returning(OneTimeLink.id)
        .execution_options(synchronize_session=False)
    )
    if spent is None or user is None or not _suits(user, LinkPurpose(link.purpose)):
        raise LinkExpired
    return user


def _make_account(session: Session, ctx: Context, registration: Registration) -> User:
    """The account with the address of `registration`, made if there is none, and locked."""
    session.execute(
        insert(User)
        .values(email=registration.email, full_name=registration.full_name, created_at=ctx.now())
        .on_conflict_do_nothing(index_elements=["email"])
    )
    user = session.scalars(
        select(User).where(User.email == registration.email).with_for_update(key_share=True)
    ).one()
    user.full_name = user.full_name or registration.full_name
    return user


def end_links(session: Session, ctx: Context, user_ids: Collection[int]) -> None:
    """Make the open links of people worthless, in the caller's transaction, because their rights grow.

    A link made for an account with fewer rights must not give access to more. The people
    are locked, so that no link is issued meanwhile for what they were.
    """
    addresses = lock_people(session, user_ids)
    registered = select(Registration.id).where(Registration.email.in_(addresses))
    session.execute(
        update(OneTimeLink)
        .where(
            or_(OneTimeLink.user_id.in_(user_ids), OneTimeLink.registration_id.in_(registered)),
            OneTimeLink.used_at.is_(None),
        )
        .values(used_at=ctx.now())
        .execution_options(synchronize_session=False)
    )


def lock_people(session: Session, user_ids: Collection[int]) -> list[str]:
    """Lock accounts, always in the same order, until the caller's transaction ends; their addresses."""
    query = select(User.email).where(User.id.in_(user_ids)).order_by(User.id)
    return list(session.scalars(query.with_for_update(key_share=True)))


def create_reset_link(ctx: Context, actor: Actor, person_id: int) -> IssuedLink:
    """Return a reset link that an admin hands to a person, for where no mail is sent.

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


def _suits(user: User | None, purpose: LinkPurpose) -> bool:
    """Whether a link may set the password of `user`: of a confirmed one, only a reset may."""
    if user is None:
        return purpose is LinkPurpose.REGISTRATION
    is_ready = user.password_hash is not None and user.confirmed_at is not None
    return user.disabled_at is None and (purpose is LinkPurpose.RESET or not is_ready)
