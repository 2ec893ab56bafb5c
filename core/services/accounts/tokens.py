"""Bearer tokens: those of people for the API, and those of orchestrators for their callbacks."""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta

from sqlalchemy import select, update

from core.context import ORCHESTRATOR, Actor, Context
from core.errors import NotSignedIn
from core.models import ApiToken, CallbackToken, User
from core.services.accounts.hashing import digest
from core.services.accounts.people import person_of
from core.services.accounts.sessions import TOUCH

API_TOKEN_LIFE = timedelta(hours=8)


def issue_api_token(ctx: Context, person_id: int, course_id: int | None = None) -> str:
    """A bearer token of 8 h; its row lets it be revoked. `course_id` binds it to a course."""
    token = secrets.token_urlsafe(32)
    with ctx.db.transaction() as session:
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
    with ctx.db.transaction() as session:
        user = session.scalar(
            select(User)
            .join(ApiToken, ApiToken.user_id == User.id)
            .where(
                ApiToken.token_hash == digest(token),
                ApiToken.revoked_at.is_(None),
                ApiToken.expires_at > ctx.now(),
                User.disabled_at.is_(None),
            )
        )
        if user is None:
            raise NotSignedIn
        return person_of(user).actor


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
    return ORCHESTRATOR


def actor_of_bearer(ctx: Context, token: str) -> Actor:
    """Whose bearer token this is: an orchestrator's or a person's.

    Raises:
        NotSignedIn: nobody's, revoked or too old.

    """
    try:
        return actor_of_callback_token(ctx, token)
    except NotSignedIn:
        return actor_of_api_token(ctx, token)
