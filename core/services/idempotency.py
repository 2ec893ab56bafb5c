"""The same request under the same key has its effect once and gets the same answer for 24 hours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert

from core.context import Actor, Context
from core.errors import KeyInUse, UlosError
from core.models import IdempotencyRecord

Answer = dict[str, object]


def once(ctx: Context, actor: Actor, key: str | None, asked: object, act: Callable[[], Answer]) -> Answer:
    """Run `act` unless `key` was answered before; then that answer.

    `asked` is the request as JSON-able data: the same key for another request is refused. A
    refused request leaves the key free. If this process dies in the middle the key stays taken
    until the sweep forgets it: whether the effect took place is unknown, so it is not repeated.

    Raises:
        KeyInUse: the key is being answered right now, or belongs to another request.

    """
    if key is None:
        return act()
    own_key = f"{'orchestrator' if actor.is_orchestrator else actor.user_id}:{key}"
    fingerprint = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
    with ctx.db.transaction() as session:
        mine = session.scalar(
            insert(IdempotencyRecord)
            .values(key=own_key, fingerprint=fingerprint, created_at=ctx.now())
            .on_conflict_do_nothing()
            .returning(IdempotencyRecord.key)
        )
        earlier = None if mine else session.get(IdempotencyRecord, own_key)
    if earlier is not None:
        if earlier.fingerprint != fingerprint or earlier.answer is None:
            raise KeyInUse
        return earlier.answer
    try:
        answer = act()
    except UlosError:
        with ctx.db.transaction() as session:
            session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.key == own_key))
        raise
    with ctx.db.transaction() as session:
        session.execute(
            update(IdempotencyRecord).where(IdempotencyRecord.key == own_key).values(answer=answer)
        )
    return answer
