"""Taking messages from RabbitMQ, one at a time, with the same protocol as the queue in Postgres.

The lease is the connection: what an ended one had not acknowledged is handed out again.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pika
from pika import spec
from pika.channel import Channel
from sqlalchemy import select

from core.broker.amqp import connected, parameters, queue_exists
from core.broker.confirms import Confirms
from core.broker.interface import Consumer, Delivery, Message
from core.broker.link import Link
from core.config import Settings
from core.db import Database
from core.errors import BrokerUnavailable, DatabaseUnavailable
from core.models import QueueBinding

_LOOK_SECONDS = 5.0
"""How often an idle consumer looks for queues that have come to be."""


_LONGEST_PAUSE = 5.0
"""Seconds that a message which cannot begin is kept from being delivered again."""


class RabbitConsumer:
    """Takes from every queue that `names` answers and the broker has.

    Raises:
        BrokerUnavailable: the broker does not answer, or refuses us.

    """

    def __init__(self, settings: Settings, name: str, names: Callable[[], Collection[str]]) -> None:
        self._settings = settings
        self._names = names
        self._arrived: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._held: Delivery | None = None
        self._taking: set[str] = set()
        self._next_look = 0.0
        self._confirms: Confirms | None = None
        # The end of the connection wakes whoever waits for a message.
        self._link = Link(parameters(settings, f"runner {name}"), on_end=lambda: self._arrived.put(None))
        self._link.call(self._prepare)

    def receive(self, timeout_seconds: float) -> Delivery | None:
        """See `Consumer.receive`."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            self._look()
            remaining = min(deadline, self._next_look) - time.monotonic()
            try:
                delivery = self._arrived.get(timeout=max(remaining, 0.001))
            except queue.Empty:
                delivery = None
            self._link.check()
            self._held = delivery or self._held
            if delivery is not None or time.monotonic() >= deadline:
                return delivery

    def renew(self, delivery: Delivery) -> bool:
        """See `Consumer.renew`. The connection's heartbeats do the work; here we only look."""
        return self._holds(delivery)

    def finish(self, delivery: Delivery, follow_up: Message | None = None) -> None:
        """See `Consumer.finish`. The follow-up is confirmed first, so it may go out twice but never not."""
        if not self._holds(delivery):
            return
        if follow_up is not None and self._publish(follow_up) is not None:
            self.give_back(delivery)
            raise BrokerUnavailable
        self._settle(delivery, lambda channel: channel.basic_ack(delivery.id))

    def reject(self, delivery: Delivery) -> None:
        """See `Consumer.reject`. It goes where the queue sends what is refused."""
        self._settle(delivery, lambda channel: channel.basic_reject(delivery.id, requeue=False))

    def give_back(self, delivery: Delivery) -> None:
        """See `Consumer.give_back`."""
        self._settle(delivery, lambda channel: channel.basic_nack(delivery.id, requeue=True))

    def postpone(self, delivery: Delivery, seconds: float) -> None:
        """See `Consumer.postpone`. RabbitMQ cannot wait, so this consumer does, for some seconds at most."""
        time.sleep(min(seconds, _LONGEST_PAUSE))
        self.give_back(delivery)

    def close(self) -> None:
        """End the connection; what is held goes back to its queue."""
        self._link.close()

    def _holds(self, delivery: Delivery) -> bool:
        return self._held is delivery and self._link.is_open

    def _settle(self, delivery: Delivery, answer: Callable[[Channel], None]) -> None:
        if not self._holds(delivery):
            return

        def act(channel: Channel, future: Future[None]) -> None:
            answer(channel)
            future.set_result(None)

        self._held = None
        self._link.call(act)

    def _publish(self, message: Message) -> str | None:
        def send(channel: Channel, future: Future[list[str | None]]) -> None:
            self._confirms = self._confirms or Confirms(channel)
            self._confirms.send([message], future)

        return self._link.call(send)[0]

    def _look(self) -> None:
        """Begin to take from queues that have come to be since the last look."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_SECONDS
        new = set(self._names()) - self._taking
        if not new:
            return
        with connected(self._settings, "runner: looking") as connection:
            there = {name for name in new if queue_exists(connection, name)}
        for name in sorted(there):
            self._link.call(self._taking_from(name))

    def _prepare(self, channel: Channel, future: Future[None]) -> None:
        """One message in hand, over all queues of the channel."""
        channel.add_on_cancel_callback(lambda frame: self._taking.discard(frame.method.consumer_tag))
        channel.basic_qos(prefetch_count=1, global_qos=True, callback=lambda _frame: future.set_result(None))

    def _taking_from(self, name: str) -> Callable[[Channel, Future[None]], None]:
        def act(channel: Channel, future: Future[None]) -> None:
            self._taking.add(name)
            channel.basic_consume(
                name, self._on_message, consumer_tag=name, callback=lambda _frame: future.set_result(None)
            )

        return act

    def _on_message(
        self, _channel: Channel, method: spec.Basic.Deliver, _properties: pika.BasicProperties, body: bytes
    ) -> None:
        message = Message(method.exchange, method.routing_key, body)
        self._arrived.put(Delivery(method.delivery_tag, message, 2 if method.redelivered else 1))


@contextmanager
def open_rabbitmq_consumer(settings: Settings, name: str) -> Iterator[Consumer]:
    """See `core.broker.open_consumer`: it takes from every queue that serves or served a routing key."""
    db = Database(settings.database_url.get_secret_value(), pool_size=1)

    def stage_queues() -> Collection[str]:
        try:
            with db.transaction() as session:
                return set(session.scalars(select(QueueBinding.queue).distinct()))
        except DatabaseUnavailable as error:
            raise BrokerUnavailable from error

    try:
        consumer = RabbitConsumer(settings, name, stage_queues)
        try:
            yield consumer
        finally:
            consumer.close()
    finally:
        db.dispose()
