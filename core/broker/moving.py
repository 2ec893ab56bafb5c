"""Move tasks from a queue that lost a routing key to the queue that serves the key now."""

from __future__ import annotations

import pika
import pika.exceptions
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from core import wire
from core.broker.amqp import NOT_FOUND, connected
from core.broker.declaring import Binding
from core.config import Settings


def move_tasks(settings: Settings, binding: Binding, source: str, target: str) -> int:
    """Move the tasks of `binding` that lie in `source` to `target`; how many were moved.

    Each is acknowledged after `target` has it: a crash in between leaves it in both, never in none.
    Messages of other keys keep their place. A queue that does not exist holds nothing.

    Raises:
        BrokerUnavailable: the broker does not answer; what was not moved lies where it was.

    """
    with connected(settings, "moving tasks") as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            waiting = channel.queue_declare(source, passive=True).method.message_count
            return _move(channel, binding, source, target, waiting)
        except pika.exceptions.ChannelClosedByBroker as error:
            if error.reply_code != NOT_FOUND:
                raise
            return 0


def _move(channel: BlockingChannel, binding: Binding, source: str, target: str, waiting: int) -> int:
    moved = 0
    others: list[int] = []
    for _ in range(waiting):
        method, properties, body = channel.basic_get(source)
        if method is None or properties is None or body is None:
            break
        if _belongs(method, body, binding):
            channel.basic_publish("", target, body, properties, mandatory=True)
            channel.basic_ack(method.delivery_tag)
            moved += 1
        else:
            others.append(method.delivery_tag)
    for tag in others:
        channel.basic_nack(tag, requeue=True)
    return moved


def _belongs(method: spec.Basic.GetOk, body: bytes, binding: Binding) -> bool:
    if method.exchange:
        return (method.exchange, method.routing_key) == (binding.exchange, binding.routing_key)
    # Moved before, through the default exchange: only the task itself knows its key.
    return wire.read_destination(body) == (binding.exchange, binding.routing_key)
