"""Which queue serves each routing key. The queue belongs to the key, not to one definition.

On a direct exchange a second queue on a key gets a copy of every task, so each key has one queue,
whichever definitions use it. All changes of the table take one lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import wire
from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import NotFound, QueueTaken
from core.models import DefinitionStage, DefinitionVersion, QueueBinding, TaskDefinition, User
from core.services import audit
from core.services.audit import Deed
from core.services.definitions.drafts import StagePlan, check_address
from core.services.definitions.images import is_needed
from core.services.definitions.rows import DEFINITIONS_TOPIC
from core.vocabulary import AuditAction


def assign_queues(
    session: Session, plans: Sequence[StagePlan], definition_id: int | None = None
) -> list[StagePlan]:
    """Return `plans` with the queue of each stage: the one that serves its key, or else a new one.

    `definition_id`: the definition that is changed. While no other definition uses a key, it may
    give the key another queue.

    Raises:
        QueueTaken: a stage names another queue than the one that serves its key.

    """
    assigned = []
    for plan in plans:
        routing = plan.routing
        serving = _serving(session, routing.exchange, routing.routing_key)
        if not routing.names_queue:
            routing = replace(routing, queue=serving or routing.routing_key)
        elif serving not in (None, routing.queue):
            users = _users(session, routing.exchange, routing.routing_key, definition_id)
            if users:
                raise QueueTaken(
                    key=routing.routing_key, queue=serving, wanted=routing.queue, names=tuple(users)
                )
        assigned.append(replace(plan, routing=routing))
    return assigned


def lock_bindings(session: Session) -> None:
    """Let no other transaction change which queue serves a key until this one ends."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("queue bindings", 0))))


def bind_stages(session: Session, ctx: Context, plans: Sequence[StagePlan]) -> None:
    """Record the queues of `plans`, whose stages are rows of this transaction, and release unneeded ones."""
    for plan in plans:
        _bind(session, ctx, plan.routing.exchange, plan.routing.routing_key, plan.routing.queue)
    release_unneeded(session, ctx)


def _bind(session: Session, ctx: Context, exchange: str, routing_key: str, queue: str) -> None:
    """Make `queue` the one that serves the key; the queue that served it before is to be unbound."""
    key = (QueueBinding.exchange == exchange, QueueBinding.routing_key == routing_key)
    session.execute(
        update(QueueBinding)
        .where(*key, QueueBinding.queue != queue, QueueBinding.left_at.is_(None))
        .values(left_at=ctx.now())
    )
    new = insert(QueueBinding).values(exchange=exchange, routing_key=routing_key, queue=queue)
    again = {"left_at": None, "unbound_at": None}
    session.execute(
        new.on_conflict_do_update(
            index_elements=[QueueBinding.exchange, QueueBinding.routing_key, QueueBinding.queue],
            set_=again,
            where=QueueBinding.left_at.is_not(None),
        )
    )
    session.execute(
        update(DefinitionStage)
        .where(
            DefinitionStage.exchange == exchange,
            DefinitionStage.routing_key == routing_key,
            DefinitionStage.queue != queue,
        )
        .values(queue=queue)
    )


def release_unneeded(session: Session, ctx: Context) -> int:
    """Mark the bindings that no definition and no attempt needs any more; how many there were."""
    lock_bindings(session)
    released = session.execute(
        update(QueueBinding)
        .where(QueueBinding.left_at.is_(None), ~_is_used(ctx))
        .values(left_at=ctx.now())
        .returning(QueueBinding.queue)
    ).all()
    return len(released)


def move_key(ctx: Context, actor: Actor, exchange: str, routing_key: str, queue: str) -> str:
    """Give a key another queue, for every definition that uses it; the queue that served it before.

    The worker moves the tasks that lie in the former queue, unless `ULOS_AMQP_DECLARE` is off.

    Raises:
        NotAllowed: only an administrator.
        NotFound: no definition uses the key.
        Invalid: the name of the queue.

    """
    check_address("queue", queue)
    with ctx.db.transaction() as session:
        require(session, actor, Right.MOVE_KEY)
        lock_bindings(session)
        before = _serving(session, exchange, routing_key)
        if before is None:
            raise NotFound(what="routing key")
        _bind(session, ctx, exchange, routing_key, queue)
        deed = Deed(
            AuditAction.KEY_MOVED,
            f"{exchange}/{routing_key}",
            before={"queue": before},
            after={"queue": queue},
        )
        audit.record(session, ctx, actor, deed)
        notify(session, DEFINITIONS_TOPIC)
    return before


@dataclass(frozen=True, slots=True)
class RoutingKey:
    """A routing key that a stage can have: `queue` serves it, None while no definition uses it.

    `has_executor`: the nodes of the orchestrator know what to do with it.
    """

    routing_key: str
    exchange: str
    queue: str | None
    has_executor: bool


def list_keys(ctx: Context, actor: Actor) -> list[RoutingKey]:
    """Return the keys that nodes know, in their order, and then those that definitions use, by name.

    Raises:
        NotSignedIn, NotAllowed: for those who teach.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_DEFINITIONS)
        rows = session.execute(
            select(QueueBinding.exchange, QueueBinding.routing_key, QueueBinding.queue).where(
                QueueBinding.left_at.is_(None)
            )
        )
        queues = {(row.exchange, row.routing_key): row.queue for row in rows}
    known = [(wire.EXCHANGE, key) for key in wire.NODE_KEYS]
    used = sorted(set(queues) - set(known), key=lambda pair: (pair[1], pair[0]))
    return [
        RoutingKey(key, exchange, queues.get((exchange, key)), (exchange, key) in known)
        for exchange, key in (*known, *used)
    ]


def list_stray(session: Session) -> list[QueueBinding]:
    """Return the bindings that are not wanted and may still exist in RabbitMQ, by name."""
    stray = (QueueBinding.left_at.is_not(None), QueueBinding.unbound_at.is_(None))
    order = (QueueBinding.exchange, QueueBinding.routing_key, QueueBinding.queue)
    return list(session.scalars(select(QueueBinding).where(*stray).order_by(*order)))


def _serving(session: Session, exchange: str, routing_key: str) -> str | None:
    return session.scalar(
        select(QueueBinding.queue).where(
            QueueBinding.exchange == exchange,
            QueueBinding.routing_key == routing_key,
            QueueBinding.left_at.is_(None),
        )
    )


def _users(session: Session, exchange: str, routing_key: str, definition_id: int | None) -> list[str]:
    """Return the other definitions that use the key, each with the address of its owner."""
    rows = session.execute(
        select(TaskDefinition.definition_name, User.email)
        .join(User, User.id == TaskDefinition.owner_id)
        .join(DefinitionVersion, DefinitionVersion.definition_id == TaskDefinition.id)
        .join(DefinitionStage, DefinitionStage.version_id == DefinitionVersion.id)
        .where(
            TaskDefinition.id != (definition_id or 0),
            TaskDefinition.current_version == DefinitionVersion.number,
            DefinitionStage.exchange == exchange,
            DefinitionStage.routing_key == routing_key,
        )
        .distinct()
        .order_by(TaskDefinition.definition_name, User.email)
    )
    return [f"{name} ({email})" for name, email in rows]


def _is_used(ctx: Context) -> ColumnElement[bool]:
    return exists().where(
        DefinitionStage.exchange == QueueBinding.exchange,
        DefinitionStage.routing_key == QueueBinding.routing_key,
        DefinitionVersion.id == DefinitionStage.version_id,
        TaskDefinition.id == DefinitionVersion.definition_id,
        is_needed(ctx),
    )
