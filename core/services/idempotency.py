"""The same request under the same key has its effect once and gets the same answer for 24 hours.

The record of a key is written in the transaction of its effect (docs/decisions/0011-idempotency.md):
both are there or neither, whatever dies in between, and a key is never left behind half taken.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import null, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import KeyInUse
from core.models import IdempotencyRecord

Answer = dict[str, object]

KEPT = timedelta(hours=24)
"""How long a key is remembered (contract 1.4)."""

_LONGEST_WAIT = "10s"
"""How long a request waits for its twin to end before the client is told to come back."""


def once(
    ctx: Context,
    actor: Actor,
    right: Right,
    act: Callable[[Context], Answer],
    *,
    key: str | None,
    asked: object,
) -> Answer:
    """Run `act` unless `key` was answered before; then return that answer.

    `right` is what `act` requires. It is checked before the key is looked up: all tokens of
    orchestrators share their keys, so a replay must not answer a token whose scope does not allow
    the request.

    `asked` is the request as JSON-able data: the same key for another request is refused. `act` is
    given a context whose database is this transaction: what it does and the record of its answer
    are committed together. It must do nothing slow and nothing outside of Postgres. A twin at the
    same time, in whatever process, waits for the first to end. When the first fails, or dies, its
    key is free at once.

    Raises:
        NotSignedIn, NotAllowed: the actor does not have `right`.
        KeyInUse: the key belongs to another request.
        DatabaseUnavailable: the first request under this key takes too long; try again.

    """
    if key is None:
        return act(ctx)
    own_key = f"{'orchestrator' if actor.is_orchestrator else actor.user_id}:{key}"
    fingerprint = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
    with ctx.db.transaction() as session:
        require(session, actor, right)
        if not _claim(session, ctx, own_key, fingerprint):
            return _replay(session, own_key, fingerprint)
        answer = act(replace(ctx, db=ctx.db.joined(session)))
        session.execute(
            update(IdempotencyRecord).where(IdempotencyRecord.key == own_key).values(answer=answer)
        )
        return answer


def _claim(session: Session, ctx: Context, own_key: str, fingerprint: str) -> bool:
    """Whether the key is this request's; waits while another transaction holds it."""
    session.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'"))
    fresh = insert(IdempotencyRecord).values(key=own_key, fingerprint=fingerprint, created_at=ctx.now())
    claimed = session.scalar(
        fresh.on_conflict_do_update(
            index_elements=[IdempotencyRecord.key],
            set_={"fingerprint": fingerprint, "created_at": ctx.now(), "answer": null()},
            where=IdempotencyRecord.created_at <= ctx.now() - KEPT,
        ).returning(IdempotencyRecord.key)
    )
    return claimed is not None


def _replay(session: Session, own_key: str, fingerprint: str) -> Answer:
    earlier = session.get_one(IdempotencyRecord, own_key)
    if earlier.fingerprint != fingerprint or earlier.answer is None:
        raise KeyInUse
    return earlier.answer
