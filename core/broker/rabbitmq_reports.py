"""Taking the orchestrator's reports from RabbitMQ, many at a time, acknowledged by the batch."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

import pika
from pika import spec
from pika.channel import Channel

from core.broker.amqp import connected, parameters, queue_exists
from core.broker.link import Link
from core.config import Settings
from core.errors import QueueMissing
from core.wire import REPORT_QUEUE

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Arrived(Generic[Read]):
    """A message that was handed to us and is not acknowledged yet."""

    tag: int
    content: Read


class ReportIntake(Generic[Read]):
    """Takes from the report queue over a connection of its own.

    `read` makes of body, routing key and *redelivered* what is kept of a message; it runs as
    messages come in, so that large bodies do not pile up. At most `prefetch` are in hand.

    Raises:
        QueueMissing: there is no report queue yet.
        BrokerUnavailable: the broker does not answer, or refuses us.

    """

    def __init__(self, settings: Settings, prefetch: int, read: Callable[[bytes, str, bool], Read]) -> None:
        self._read = read
        self._prefetch = prefetch
        self._arrived: queue.SimpleQueue[Arrived[Read] | None] = queue.SimpleQueue()
        with connected(settings, "listener: looking") as connection:
            if not queue_exists(connection, REPORT_QUEUE):
                raise QueueMissing(name=REPORT_QUEUE)
        self._link = Link(parameters(settings, "listener"), on_end=lambda: self._arrived.put(None))
        self._link.call(self._prepare)
        self._link.call(self._begin)

    def take(self, limit: int, timeout_seconds: float) -> list[Arrived[Read]]:
        """Up to `limit` messages in the order of their arrival, as many as there are; none is empty.

        Raises:
            BrokerUnavailable: the connection is over; what was taken will be handed out again.

        """
        taken: list[Arrived[Read]] = []
        try:
            entry = self._arrived.get(timeout=timeout_seconds)
            while entry is not None:
                taken.append(entry)
                if len(taken) == limit:
                    break
                entry = self._arrived.get_nowait()
        except queue.Empty:
            pass
        self.check()
        return taken

    def acknowledge(self, batch: Sequence[Arrived[Read]]) -> None:
        """Everything up to the last of `batch` was dealt with; returns when the broker has taken note.

        RabbitMQ does not confirm acknowledgements, but it does what comes over a channel in order, so
        its answer to whatever is asked next shows that this one arrived.

        Raises:
            BrokerUnavailable: the connection is over; the batch is handed out again, unless the
                acknowledgement arrived and only the answer was lost.

        """

        def act(channel: Channel, future: Future[None]) -> None:
            channel.basic_ack(batch[-1].tag, multiple=True)
            self._prefetch_again(channel, future)

        self._link.call(act)

    def check(self) -> None:
        """Raise why the connection is over, if it is.

        Raises:
            BrokerUnavailable: it is over.

        """
        self._link.check()

    def close(self) -> None:
        """End the connection; what was not acknowledged is handed out again."""
        self._link.close()

    def _prepare(self, channel: Channel, future: Future[None]) -> None:
        channel.add_on_cancel_callback(lambda _frame: channel.close())
        self._prefetch_again(channel, future)

    def _prefetch_again(self, channel: Channel, future: Future[None]) -> None:
        channel.basic_qos(prefetch_count=self._prefetch, callback=lambda _frame: future.set_result(None))

    def _begin(self, channel: Channel, future: Future[None]) -> None:
        channel.basic_consume(REPORT_QUEUE, self._on_message, callback=lambda _frame: future.set_result(None))

    def _on_message(
        self, _channel: Channel, method: spec.Basic.Deliver, _properties: pika.BasicProperties, body: bytes
    ) -> None:
        content = self._read(body, method.routing_key, method.redelivered)
        self._arrived.put(Arrived(method.delivery_tag, content))
