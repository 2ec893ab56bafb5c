"""Who takes tasks from each queue: asked of RabbitMQ, or of Postgres where the queue is embedded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pika
import pika.exceptions
from sqlalchemy import func, or_, select

from core.auth import Right, require
from core.broker import count_consumers
from core.broker.amqp import connected
from core.context import Actor, Context
from core.models import QueueBinding, QueueMessage
from core.wire import REPORT_QUEUE


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue. `messages` lie in it, `consumers` take from it.

    `is_stalled`: messages wait and nobody takes them.
    """

    name: str
    messages: int
    consumers: int
    is_stalled: bool


def read_consumers(ctx: Context, actor: Actor) -> list[QueueState]:
    """The queues that serve a routing key, and former ones in which messages lie, by name.

    The embedded default has one.

    Raises:
        NotSignedIn, NotAllowed: figures are for those who teach.
        BrokerUnavailable: RabbitMQ does not answer.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MONITOR)
        rows = session.execute(
            select(QueueBinding.queue, func.bool_or(QueueBinding.left_at.is_(None)))
            .group_by(QueueBinding.queue)
            .order_by(QueueBinding.queue)
        ).all()
    if not ctx.settings.uses_rabbitmq:
        return _embedded(ctx)
    serving = {name for name, serves in rows if serves}
    states = _in_rabbitmq(ctx, [name for name, _ in rows])
    return [state for state in states if state.name in serving or state.messages]


def read_report_queue(ctx: Context, actor: Actor) -> QueueState | None:
    """Reports that lie in RabbitMQ and wait to be applied, and who applies them; None without RabbitMQ.

    Raises:
        NotSignedIn, NotAllowed: figures are for those who teach.
        BrokerUnavailable: RabbitMQ does not answer.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MONITOR)
    return _in_rabbitmq(ctx, [REPORT_QUEUE])[0] if ctx.settings.uses_rabbitmq else None


def _embedded(ctx: Context) -> list[QueueState]:
    takers = count_consumers(ctx.db)
    free = or_(QueueMessage.leased_by.is_(None), QueueMessage.leased_until < ctx.now())
    with ctx.db.transaction() as session:
        waiting = session.scalar(
            select(func.count()).select_from(QueueMessage).where(QueueMessage.rejected_at.is_(None), free)
        )
    return [QueueState("ulos", waiting or 0, takers, is_stalled=takers == 0 and bool(waiting))]


def _in_rabbitmq(ctx: Context, names: Sequence[str]) -> list[QueueState]:
    with connected(ctx.settings, "monitoring") as connection:
        return [_ask(connection, name) for name in names]


def _ask(connection: pika.BlockingConnection, name: str) -> QueueState:
    channel = connection.channel()  # one of its own: the broker's "no" closes it
    try:
        method = channel.queue_declare(name, passive=True).method
    except pika.exceptions.ChannelClosedByBroker:  # a queue that is not there yet has no taker
        return QueueState(name, 0, 0, is_stalled=False)
    channel.close()
    waiting, takers = method.message_count, method.consumer_count
    return QueueState(name, waiting, takers, is_stalled=waiting > 0 and takers == 0)
