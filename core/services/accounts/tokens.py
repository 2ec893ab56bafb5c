"""Bearer tokens: those of people for the API, and whose a token is."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import ORCHESTRATOR, Actor, Context
from core.errors import NotFound, NotSignedIn
from core.models import ApiToken, CallbackToken, CourseMember, User
from core.services.accounts.hashing import digest
from core.services.accounts.people import person_of
from core.services.accounts.sessions import TOUCH
from core.vocabulary import Role, Scope

API_TOKEN_LIFE = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class OwnApiToken:
    """One of a person's living tokens. `course_id`: the course that it was asked for, if any."""

    id: int
    course_id: int | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CourseToken:
    """A token that was asked for with a course. `role` is None for an admin who is no member."""

    token: str
    role: Role | None


def issue_api_token(ctx: Context, person_id: int) -> str:
    """A bearer token of 8 h; its row lets it be revoked."""
    with ctx.db.transaction() as session:
        return _issue(session, ctx, person_id, None)


def select_course(ctx: Context, actor: Actor, course_id: int) -> CourseToken:
    """A token bound to a course, for clients that work in one at a time (contract 1.3).

    It opens no more and no less than another: rights follow the course in each request.

    Raises:
        NotSignedIn, NotFound: the actor does not belong to the course.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_COURSE, course_id=course_id)
        if actor.user_id is None:
            raise NotSignedIn
        member = session.get(CourseMember, (course_id, actor.user_id))
        token = _issue(session, ctx, actor.user_id, course_id)
        return CourseToken(token, Role(member.role) if member else None)


def _issue(session: Session, ctx: Context, person_id: int, course_id: int | None) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        ApiToken(
            token_hash=digest(token),
            user_id=person_id,
            course_id=course_id,
            created_at=ctx.now(),
            expires_at=ctx.now() + API_TOKEN_LIFE,
        )
    )
    return token


def actor_of_api_token(ctx: Context, token: str) -> Actor:
    """The person to whom this token was issued.

    Raises:
        NotSignedIn: nobody's, revoked, too old, or of a closed account.

    """
    now = ctx.now()
    with ctx.db.transaction() as session:
        row = session.execute(
            select(ApiToken, User)
            .join(User, ApiToken.user_id == User.id)
            .where(
                ApiToken.token_hash == digest(token),
                ApiToken.revoked_at.is_(None),
                ApiToken.expires_at > now,
                User.disabled_at.is_(None),
            )
        ).one_or_none()
        if row is None:
            raise NotSignedIn
        known, user = row
        if known.last_used_at is None or known.last_used_at < now - TOUCH:
            known.last_used_at = now
        return person_of(user).actor


def course_of_api_token(ctx: Context, token: str) -> int | None:
    """Return the course that the token was asked for with, if any."""
    with ctx.db.transaction() as session:
        return session.scalar(select(ApiToken.course_id).where(ApiToken.token_hash == digest(token)))


def list_api_tokens(ctx: Context, actor: Actor) -> list[OwnApiToken]:
    """The actor's own living tokens, the newest first.

    Raises:
        NotSignedIn: nobody is asking.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.OWN_ACCOUNT)
        found = session.scalars(
            select(ApiToken)
            .where(
                ApiToken.user_id == actor.user_id,
                ApiToken.revoked_at.is_(None),
                ApiToken.expires_at > ctx.now(),
            )
            .order_by(ApiToken.id.desc())
        )
        return [
            OwnApiToken(row.id, row.course_id, row.created_at, row.last_used_at, row.expires_at)
            for row in found
        ]


def revoke_own_api_token(ctx: Context, actor: Actor, token_id: int) -> None:
    """One of the actor's own tokens is worth nothing from now on.

    Raises:
        NotSignedIn: nobody is asking.
        NotFound: no living token of theirs has this id.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.OWN_ACCOUNT)
        revoked = session.scalar(
            update(ApiToken)
            .where(ApiToken.id == token_id, ApiToken.user_id == actor.user_id, ApiToken.revoked_at.is_(None))
            .values(revoked_at=ctx.now())
            .returning(ApiToken.id)
        )
        if revoked is None:
            raise NotFound(what="token")


def revoke_api_token(ctx: Context, token: str) -> None:
    """The token is worth nothing from now on; one that is unknown stays so."""
    with ctx.db.transaction() as session:
        session.execute(
            update(ApiToken)
            .where(ApiToken.token_hash == digest(token), ApiToken.revoked_at.is_(None))
            .values(revoked_at=ctx.now())
        )


def actor_of_callback_token(ctx: Context, token: str) -> Actor:
    """The orchestrator, by the token of the settings or by a named one that is not revoked.

    The one of the settings is good for everything, a named one for its scopes.

    Raises:
        NotSignedIn: neither.

    """
    own = ctx.settings.callback_token.get_secret_value()
    if own and hmac.compare_digest(token.encode(), own.encode()):
        return ORCHESTRATOR
    now = ctx.now()
    with ctx.db.transaction() as session:
        named = session.scalar(
            select(CallbackToken).where(
                CallbackToken.token_hash == digest(token), CallbackToken.revoked_at.is_(None)
            )
        )
        if named is None:
            raise NotSignedIn
        if named.last_used_at is None or named.last_used_at < now - TOUCH:
            named.last_used_at = now
        return Actor(is_orchestrator=True, scopes=frozenset(Scope(scope) for scope in named.scopes))


def actor_of_bearer(ctx: Context, token: str) -> Actor:
    """Whose bearer token this is: an orchestrator's or a person's.

    Raises:
        NotSignedIn: nobody's, revoked or too old.

    """
    try:
        return actor_of_callback_token(ctx, token)
    except NotSignedIn:
        return actor_of_api_token(ctx, token)
