"""Signed-in browsers: the ticket that a password buys, the session behind the cookie, its end."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import NotFound, NotSignedIn
from core.models import LoginTicket, User, WebSession
from core.services.accounts.hashing import digest
from core.services.accounts.people import Person, person_of

TICKET_LIFE = timedelta(seconds=30)
SESSION_IDLE = timedelta(hours=8)
SESSION_LIFE = timedelta(days=7)
TOUCH = timedelta(minutes=1)
"""How exactly a last use is kept."""

_LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A living session in the browser."""

    session_id: int
    person: Person


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One of a person's living sessions, as they see it. `user_agent` is what the browser says it is."""

    id: int
    user_agent: str
    created_at: datetime
    last_seen_at: datetime


def open_ticket(ctx: Context, person_id: int, *, nonce: str) -> str:
    """What a right password buys: a ticket for the cookie, for 30 s, once, with the same `nonce`.

    Raises:
        NotSignedIn: without a nonce the ticket could be redeemed by any browser.

    """
    if not nonce:
        raise NotSignedIn
    ticket = secrets.token_urlsafe(32)
    with ctx.db.transaction() as session:
        session.add(
            LoginTicket(
                token_hash=digest(ticket),
                nonce_hash=digest(nonce),
                user_id=person_id,
                expires_at=ctx.now() + TICKET_LIFE,
            )
        )
    return ticket


def redeem_ticket(ctx: Context, *, ticket: str, nonce: str, user_agent: str) -> str:
    """Trade a ticket for the value of a session cookie.

    Raises:
        NotSignedIn: it is unknown, used, too old, or of another browser.

    """
    token = secrets.token_urlsafe(32)
    now = ctx.now()
    with ctx.db.transaction() as session:
        user_id = session.scalar(
            update(LoginTicket)
            .where(
                LoginTicket.token_hash == digest(ticket),
                LoginTicket.nonce_hash == digest(nonce),
                LoginTicket.used_at.is_(None),
                LoginTicket.expires_at > now,
            )
            .values(used_at=now)
            .returning(LoginTicket.user_id)
        )
        if user_id is None:
            raise NotSignedIn
        session.add(
            WebSession(
                token_hash=digest(token),
                user_id=user_id,
                user_agent=user_agent.replace("\0", "")[:_LONGEST_AGENT],
                created_at=now,
                last_seen_at=now,
                expires_at=now + SESSION_LIFE,
            )
        )
    return token


def find_session(ctx: Context, token: str, *, touch: bool = True) -> SignedIn | None:
    """The living session of a cookie's value, if there is one.

    `touch`: whether this counts as use. A page that is merely open must not keep a session alive.
    """
    now = ctx.now()
    with ctx.db.transaction() as session:
        row = session.execute(
            select(WebSession, User)
            .join(User, User.id == WebSession.user_id)
            .where(WebSession.token_hash == digest(token), *_alive(now), User.disabled_at.is_(None))
        ).one_or_none()
        if row is None:
            return None
        web, user = row
        if touch and web.last_seen_at < now - TOUCH:
            web.last_seen_at = now
        return SignedIn(web.id, person_of(user))


def list_sessions(ctx: Context, actor: Actor) -> list[OwnSession]:
    """The actor's own living sessions, the last used first."""
    with ctx.db.transaction() as session:
        require(session, actor, Right.OWN_ACCOUNT)
        found = session.scalars(
            select(WebSession)
            .where(WebSession.user_id == actor.user_id, *_alive(ctx.now()))
            .order_by(WebSession.last_seen_at.desc(), WebSession.id.desc())
        )
        return [OwnSession(web.id, web.user_agent, web.created_at, web.last_seen_at) for web in found]


def end_session(ctx: Context, token: str) -> None:
    """Sign out: the cookie's value is worth nothing from now on, in every tab."""
    with ctx.db.transaction() as session:
        end_where(session, ctx, WebSession.token_hash == digest(token))


def end_own_session(ctx: Context, actor: Actor, session_id: int) -> None:
    """End one of the actor's own sessions, in whatever browser it is.

    Raises:
        NotFound: no living session of theirs has this id.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.OWN_ACCOUNT)
        mine = (WebSession.user_id == actor.user_id, WebSession.id == session_id)
        if not end_where(session, ctx, *mine):
            raise NotFound(what="session")


def end_all_sessions(ctx: Context, actor: Actor, except_: int | None = None) -> int:
    """End the actor's sessions everywhere but in `except_`; how many ended."""
    with ctx.db.transaction() as session:
        require(session, actor, Right.OWN_ACCOUNT)
        mine = (WebSession.user_id == actor.user_id, WebSession.id.is_distinct_from(except_))
        return end_where(session, ctx, *mine)


def end_where(session: Session, ctx: Context, *which: ColumnElement[bool]) -> int:
    """End the sessions that match and tell the open pages about it; how many ended."""
    ended = session.scalars(
        update(WebSession)
        .where(*which, WebSession.ended_at.is_(None))
        .values(ended_at=ctx.now())
        .returning(WebSession.id)
    ).all()
    notify(session, *(f"session:{session_id}" for session_id in ended))
    return len(ended)


def _alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        WebSession.ended_at.is_(None),
        WebSession.expires_at > now,
        WebSession.last_seen_at > now - SESSION_IDLE,
    )
