"""Named tokens of orchestrators: made, listed and revoked by admins."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NameTaken, NotFound, Required, TooLong, UnknownChoice
from core.models import CallbackToken
from core.services.accounts.hashing import digest
from core.vocabulary import Scope

NAME_LIMIT = 100

_PREFIX = "ulos_cb_"
"""Lets programs that look for leaked secrets know ours."""


@dataclass(frozen=True, slots=True)
class CallbackTokenView:
    """A token as admins see it ever after."""

    id: int
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewCallbackToken:
    """A token just made; `token` is shown this once."""

    token: str
    view: CallbackTokenView


def create_callback_token(
    ctx: Context, actor: Actor, *, name: str, scopes: Iterable[str]
) -> NewCallbackToken:
    """A new token with a name that no other living one has.

    Raises:
        NotAllowed: the actor is no admin.
        Required, TooLong, UnknownChoice: the name, or no scope, or one that does not exist.
        NameTaken: a living token has the name.

    """
    name = " ".join(name.replace("\0", "").split())
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_CALLBACK_TOKENS)
        wanted = _scopes(scopes)
        if not name:
            raise Required(field="name")
        if len(name) > NAME_LIMIT:
            raise TooLong(field="name", limit=NAME_LIMIT)
        token = _PREFIX + secrets.token_urlsafe(32)
        row = session.scalar(
            insert(CallbackToken)
            .values(name=name, token_hash=digest(token), scopes=list(wanted), created_at=ctx.now())
            .on_conflict_do_nothing()
            .returning(CallbackToken)
        )
        if row is None:
            raise NameTaken(name=name)
        return NewCallbackToken(token, _view(row))


def _scopes(wanted: Iterable[str]) -> tuple[Scope, ...]:
    asked = set(wanted)
    if not asked:
        raise Required(field="scopes")
    unknown = asked - set(Scope)
    if unknown:
        raise UnknownChoice(field="scopes", value=min(unknown)[:NAME_LIMIT])
    return tuple(scope for scope in Scope if scope in asked)


def list_callback_tokens(ctx: Context, actor: Actor) -> list[CallbackTokenView]:
    """All of them, the living first, then by name.

    Raises:
        NotAllowed: the actor is no admin.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_CALLBACK_TOKENS)
        rows = session.scalars(
            select(CallbackToken).order_by(
                CallbackToken.revoked_at.is_not(None), CallbackToken.name, CallbackToken.id
            )
        )
        return [_view(row) for row in rows]


def revoke_callback_token(ctx: Context, actor: Actor, token_id: int) -> None:
    """The token is worth nothing from now on.

    Raises:
        NotAllowed: the actor is no admin.
        NotFound: no living token has this id.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MANAGE_CALLBACK_TOKENS)
        revoked = session.scalar(
            update(CallbackToken)
            .where(CallbackToken.id == token_id, CallbackToken.revoked_at.is_(None))
            .values(revoked_at=ctx.now())
            .returning(CallbackToken.id)
        )
        if revoked is None:
            raise NotFound(what="callback token")


def _view(row: CallbackToken) -> CallbackTokenView:
    return CallbackTokenView(
        row.id,
        row.name,
        tuple(Scope(scope) for scope in row.scopes),
        row.created_at,
        row.last_used_at,
        row.revoked_at,
    )
