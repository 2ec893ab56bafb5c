"""Who somebody is: passwords, sessions in the browser, tokens of the API and of orchestrators."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import bcrypt
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.context import ORCHESTRATOR, Actor, Context
from core.errors import (
    BadRange,
    EmailNotAllowed,
    NameTaken,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooManyAttempts,
    WrongCredentials,
)
from core.models import ApiToken, CallbackToken, LoginTicket, SignInFailure, User, WebSession

FAILURES_PER_ACCOUNT = 5
FAILURES_PER_ADDRESS = 50
"""Failed sign-ins within `LOCK` that lock; successful ones never count: a lecture hall shares an address."""

LOCK = timedelta(minutes=15)
TICKET_LIFE = timedelta(seconds=30)
SESSION_IDLE = timedelta(hours=8)
SESSION_LIFE = timedelta(days=7)
API_TOKEN_LIFE = timedelta(hours=8)
TOUCH = timedelta(minutes=1)
"""How exactly a last use is kept."""

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 72
"""Bytes; bcrypt reads no more."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    id: int
    email: str
    full_name: str
    is_admin: bool
    language: str | None
    timezone: str | None

    @property
    def actor(self) -> Actor:
        """On whose behalf their use cases run."""
        return Actor(user_id=self.id, is_admin=self.is_admin)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A living session in the browser."""

    session_id: int
    person: Person


def sign_in(ctx: Context, *, email: str, password: str, address: str) -> Person:
    """The person to whom `email` and `password` belong.

    `address` is where the request came from. Unknown people cost the same hashing as known ones.

    Raises:
        TooManyAttempts: the account or the address is locked for a while.
        WrongCredentials: they do not belong together.

    """
    email = email.strip().lower()
    with ctx.db.transaction() as session:
        _check_lock(session, ctx, email, address)
        user = session.scalar(select(User).where(User.email == email, User.disabled_at.is_(None)))
    known = user.password_hash if user is not None else None
    matches = check_password(password, known or _nobodys_hash())
    if user is None or known is None or not matches:
        with ctx.db.transaction() as session:
            session.add(SignInFailure(email=email, address=address, at=ctx.now()))
        raise WrongCredentials
    return _person(user)


def check_password(password: str, password_hash: str) -> bool:
    """Whether `password` is the one that was hashed."""
    raw = password.encode()
    return len(raw) <= LONGEST_PASSWORD and bcrypt.checkpw(raw, password_hash.encode())


def hash_password(password: str) -> str:
    """What is kept of a password: bcrypt, as the sign-in form's package makes it."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode()


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_hex(16))


def _check_lock(session: Session, ctx: Context, email: str, address: str) -> None:
    recent = SignInFailure.at > ctx.now() - LOCK
    for condition, limit in (
        (SignInFailure.email == email, FAILURES_PER_ACCOUNT),
        (SignInFailure.address == address, FAILURES_PER_ADDRESS),
    ):
        if (session.scalar(select(func.count()).where(recent, condition)) or 0) >= limit:
            raise TooManyAttempts(minutes=int(LOCK.total_seconds() // 60))


def register(ctx: Context, *, email: str, password: str, full_name: str = "") -> Person:
    """A new account for an e-mail of an allowed domain.

    Raises:
        EmailNotAllowed, NameTaken, BadRange: the domain, the e-mail, the length of the password.

    """
    email = email.strip().lower()
    _, at, domain = email.rpartition("@")
    if not at or domain not in ctx.settings.allowed_email_domains:
        raise EmailNotAllowed(domains=", ".join(ctx.settings.allowed_email_domains))
    _check_new_password(password)
    hashed = hash_password(password)
    with ctx.db.transaction() as session:
        if session.scalar(select(User.id).where(User.email == email)):
            raise NameTaken(name=email)
        user = User(email=email, full_name=full_name.strip(), password_hash=hashed, created_at=ctx.now())
        session.add(user)
        session.flush()
        return _person(session.get_one(User, user.id, populate_existing=True))


def _check_new_password(password: str) -> None:
    if not len(password) >= SHORTEST_PASSWORD or len(password.encode()) > LONGEST_PASSWORD:
        raise BadRange(field="password", low=SHORTEST_PASSWORD, high=LONGEST_PASSWORD)


def ensure_person(
    ctx: Context, actor: Actor, *, email: str, full_name: str, password_hash: str, is_admin: bool = False
) -> int:
    """The id of the account with `email`, made if there is none. For seeds and commands.

    Raises:
        NotAllowed: only the platform and admins.

    """
    if not (actor.is_platform or actor.is_admin):
        raise NotAllowed
    with ctx.db.transaction() as session:
        found = session.scalar(select(User.id).where(User.email == email.lower()))
        if found is not None:
            return found
        user = User(
            email=email.lower(),
            full_name=full_name,
            password_hash=password_hash,
            is_admin=is_admin,
            created_at=ctx.now(),
        )
        session.add(user)
        session.flush()
        return user.id


def get_person(ctx: Context, actor: Actor) -> Person:
    """The person behind `actor`.

    Raises:
        NotSignedIn: nobody, or an account that was closed.

    """
    with ctx.db.transaction() as session:
        user = session.scalar(select(User).where(User.id == actor.user_id, User.disabled_at.is_(None)))
        if user is None:
            raise NotSignedIn
        return _person(user)


def set_language(ctx: Context, actor: Actor, language: str) -> None:
    """Keep the language (`es` or `en`) that the person reads."""
    with ctx.db.transaction() as session:
        session.execute(update(User).where(User.id == actor.user_id).values(language=language))


def change_password(ctx: Context, actor: Actor, *, old: str, new: str, keep_session: int | None) -> None:
    """Set another password; every session but `keep_session` ends.

    Raises:
        WrongCredentials: `old` is not the password.

    """
    with ctx.db.transaction() as session:
        known = session.scalar(select(User.password_hash).where(User.id == actor.user_id))
    if known is None or not check_password(old, known):
        raise WrongCredentials
    _check_new_password(new)
    hashed = hash_password(new)
    with ctx.db.transaction() as session:
        session.execute(update(User).where(User.id == actor.user_id).values(password_hash=hashed))
        session.execute(
            update(WebSession)
            .where(WebSession.user_id == actor.user_id, WebSession.id.is_distinct_from(keep_session))
            .values(ended_at=ctx.now())
        )


def open_ticket(ctx: Context, person_id: int, *, nonce: str) -> str:
    """What a right password buys: a ticket for the cookie, for 30 s, once, with the same `nonce`."""
    ticket = secrets.token_urlsafe(32)
    with ctx.db.transaction() as session:
        session.add(
            LoginTicket(
                token_hash=_digest(ticket),
                nonce_hash=_digest(nonce),
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
                LoginTicket.token_hash == _digest(ticket),
                LoginTicket.nonce_hash == _digest(nonce),
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
                token_hash=_digest(token),
                user_id=user_id,
                user_agent=user_agent[:300],
                created_at=now,
                last_seen_at=now,
                expires_at=now + SESSION_LIFE,
            )
        )
    return token


def find_session(ctx: Context, token: str) -> SignedIn | None:
    """The living session of a cookie's value, if there is one."""
    now = ctx.now()
    with ctx.db.transaction() as session:
        row = session.execute(
            select(WebSession, User)
            .join(User, User.id == WebSession.user_id)
            .where(
                WebSession.token_hash == _digest(token),
                WebSession.ended_at.is_(None),
                WebSession.expires_at > now,
                WebSession.last_seen_at > now - SESSION_IDLE,
                User.disabled_at.is_(None),
            )
        ).one_or_none()
        if row is None:
            return None
        web, user = row
        if web.last_seen_at < now - TOUCH:
            web.last_seen_at = now
        return SignedIn(web.id, _person(user))


def end_session(ctx: Context, token: str) -> None:
    """Sign out: the cookie's value is worth nothing from now on, in every tab."""
    with ctx.db.transaction() as session:
        session.execute(
            update(WebSession).where(WebSession.token_hash == _digest(token)).values(ended_at=ctx.now())
        )


def issue_api_token(ctx: Context, person_id: int, course_id: int | None = None) -> str:
    """A bearer token of 8 h; its row lets it be revoked."""
    token = secrets.token_urlsafe(32)
    with ctx.db.transaction() as session:
        session.add(
            ApiToken(
                token_hash=_digest(token),
                user_id=person_id,
                course_id=course_id,
                created_at=ctx.now(),
                expires_at=ctx.now() + API_TOKEN_LIFE,
            )
        )
    return token


def actor_of_bearer(ctx: Context, token: str) -> Actor:
    """Whose bearer token this is: an orchestrator's or a person's.

    Raises:
        NotSignedIn: nobody's, revoked or too old.

    """
    if hmac.compare_digest(token.encode(), ctx.settings.callback_token.get_secret_value().encode()):
        return ORCHESTRATOR
    now = ctx.now()
    with ctx.db.transaction() as session:
        named = session.scalar(
            select(CallbackToken).where(
                CallbackToken.token_hash == _digest(token), CallbackToken.revoked_at.is_(None)
            )
        )
        if named is not None:
            if named.last_used_at is None or named.last_used_at < now - TOUCH:
                named.last_used_at = now
            return ORCHESTRATOR
        user = session.scalar(
            select(User)
            .join(ApiToken, ApiToken.user_id == User.id)
            .where(
                ApiToken.token_hash == _digest(token),
                ApiToken.revoked_at.is_(None),
                ApiToken.expires_at > now,
                User.disabled_at.is_(None),
            )
        )
        if user is None:
            raise NotSignedIn
        return _person(user).actor


def list_people(ctx: Context, actor: Actor) -> list[tuple[Person, datetime]]:
    """Everybody and since when, for an admin.

    Raises:
        NotAllowed: the actor is none.

    """
    with ctx.db.transaction() as session:
        me = session.get(User, actor.user_id) if actor.user_id is not None else None
        if me is None or not me.is_admin:
            raise NotAllowed
        return [
            (_person(user), user.created_at) for user in session.scalars(select(User).order_by(User.email))
        ]


def find_person_id(ctx: Context, email: str) -> int:
    """The id of an account, for commands and seeds.

    Raises:
        NotFound: there is none.

    """
    with ctx.db.transaction() as session:
        found = session.scalar(select(User.id).where(User.email == email.lower()))
        if found is None:
            raise NotFound(what="person")
        return found


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()


def _person(user: User) -> Person:
    return Person(user.id, user.email, user.full_name, user.is_admin, user.language, user.timezone)
