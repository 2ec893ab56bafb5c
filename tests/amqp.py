"""What an administrator or a node does to RabbitMQ, in a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pika
from pika.adapters.blocking_connection import BlockingChannel

from core import wire


@contextmanager
def channel(url: str) -> Iterator[BlockingChannel]:
    """A channel on a connection of its own."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


def declare(url: str, *keys: str, arguments: Mapping[str, object] | None = None) -> None:
    """The exchange, and for each key a durable queue of this name that is bound to it."""
    with channel(url) as opened:
        opened.exchange_declare(wire.EXCHANGE, "direct", durable=True)
        for key in keys:
            opened.queue_declare(key, durable=True, arguments=arguments)
            opened.queue_bind(key, wire.EXCHANGE, key)


def bodies(url: str, queue: str) -> list[bytes]:
    """Takes everything out of `queue`, in order."""
    found: list[bytes] = []
    with channel(url) as opened:
        while (answer := opened.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(answer[2])
    return found


def publish(url: str, key: str, body: bytes = b"{}") -> bool:
    """Whether any queue took it."""
    with channel(url) as opened:
        opened.confirm_delivery()
        try:
            opened.basic_publish(wire.EXCHANGE, key, body, mandatory=True)
        except pika.exceptions.UnroutableError:
            return False
    return True


def has_queue(url: str, name: str) -> bool:
    """Whether there is a queue `name`."""
    with channel(url) as opened:
        try:
            opened.queue_declare(name, passive=True)
        except pika.exceptions.ChannelClosedByBroker:
            return False
    return True
