"""The queue of the embedded default, in Postgres.

A message is held by a lease. A consumer that dies lets its lease run out and the message is handed
to another one, marked as redelivered, as RabbitMQ does when a connection is lost.
"""

from __future__ import annotations

import select as io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import psycopg2
from psycopg2.extensions import connection as RawConnection  # noqa: N812  a class with a lower-case name
from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from core.broker.interface import Consumer, Delivery, Message
from core.config import Settings
from core.db import Database, notify, utc_now
from core.errors import BrokerUnavailable, DatabaseUnavailable
from core.models import QueueMessage

LEASE = timedelta(seconds=15)
"""How long a silent consumer keeps a message; it renews every few seconds."""

CONSUMER_NAME = "ulos-consumer"
"""The connection of a waiting consumer is known to Postgres by it, so who is alive can be counted there."""

QUEUE_TOPIC = "queue"
"""What `NOTIFY` says when the embedded queue got a message."""


class PostgresPublisher:
    """Puts messages into the embedded queue. There is always a queue, so nothing is refused."""

    def publish(self, session: Session, messages: Sequence[Message]) -> list[str | None]:
        """See `Publisher.publish`."""
        for message in messages:
            _enqueue(session, message)
        return [None] * len(messages)

    def close(self) -> None:
        """See `Publisher.close`. Nothing is held."""


def _enqueue(session: Session, message: Message) -> None:
    session.execute(
        insert(QueueMessage).values(
            exchange=message.exchange,
            routing_key=message.routing_key,
            body=message.body,
            enqueued_at=utc_now(),
        )
    )
    notify(session, QUEUE_TOPIC)


class PostgresConsumer:
    """Takes messages from the embedded queue, oldest first, woken by `NOTIFY`."""

    def __init__(self, db: Database, listening: RawConnection, name: str) -> None:
        self._db = db
        self._listening = listening
        self._name = name
        self._lock = threading.Lock()

    def receive(self, timeout_seconds: float) -> Delivery | None:
        """See `Consumer.receive`."""
        deadline = utc_now() + timedelta(seconds=timeout_seconds)
        while True:
            delivery = self._take()
            remaining = (deadline - utc_now()).total_seconds()
            if delivery is not None or remaining <= 0:
                return delivery
            self._wait(min(remaining, LEASE.total_seconds() / 3))

    def _take(self) -> Delivery | None:
        now = func.now()
        free = (
            select(QueueMessage.id)
            .where(
                QueueMessage.rejected_at.is_(None),
                or_(QueueMessage.leased_until.is_(None), QueueMessage.leased_until < now),
            )
            .order_by(QueueMessage.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        try:
            with self._db.transaction() as session:
                message_id = session.scalar(free)
                if message_id is None:
                    return None
                row = session.execute(
                    update(QueueMessage)
                    .where(QueueMessage.id == message_id)
                    .values(
                        leased_by=self._name,
                        leased_until=now + LEASE,
                        deliveries=QueueMessage.deliveries + 1,
                    )
                    .returning(
                        QueueMessage.exchange,
                        QueueMessage.routing_key,
                        QueueMessage.body,
                        QueueMessage.deliveries,
                    )
                ).one()
        except DatabaseUnavailable as error:
            raise BrokerUnavailable from error
        return Delivery(message_id, Message(row.exchange, row.routing_key, bytes(row.body)), row.deliveries)

    def _wait(self, seconds: float) -> None:
        try:
            if io.select([self._listening], [], [], seconds)[0]:
                self._listening.poll()
                self._listening.notifies.clear()
        except (psycopg2.Error, OSError, ValueError) as error:
            raise BrokerUnavailable from error

    def renew(self, delivery: Delivery) -> bool:
        """See `Consumer.renew`."""
        return self._change(delivery, leased_until=func.now() + LEASE)

    def finish(self, delivery: Delivery, follow_up: Message | None = None) -> None:
        """See `Consumer.finish`. A lease that was lost to somebody else finishes nothing."""
        try:
            with self._db.transaction() as session:
                gone = session.execute(
                    delete(QueueMessage).where(self._mine(delivery)).returning(QueueMessage.id)
                )
                if gone.scalar() is not None and follow_up is not None:
                    _enqueue(session, follow_up)
        except DatabaseUnavailable as error:
            raise BrokerUnavailable from error

    def reject(self, delivery: Delivery) -> None:
        """See `Consumer.reject`."""
        self._change(delivery, rejected_at=func.now(), leased_until=None, leased_by=None)

    def give_back(self, delivery: Delivery) -> None:
        """See `Consumer.give_back`."""
        self._change(delivery, notifying=True, leased_until=None, leased_by=None)

    def postpone(self, delivery: Delivery, seconds: float) -> None:
        """See `Consumer.postpone`."""
        later = func.now() + timedelta(seconds=seconds)
        self._change(delivery, leased_until=later, leased_by=None)

    def _change(self, delivery: Delivery, *, notifying: bool = False, **values: object) -> bool:
        try:
            with self._lock, self._db.transaction() as session:
                changed = session.execute(
                    update(QueueMessage)
                    .where(self._mine(delivery))
                    .values(**values)
                    .returning(QueueMessage.id)
                ).scalar()
                if notifying:
                    notify(session, QUEUE_TOPIC)
        except DatabaseUnavailable as error:
            raise BrokerUnavailable from error
        return changed is not None

    def _mine(self, delivery: Delivery) -> ColumnElement[bool]:
        return and_(
            QueueMessage.id == delivery.id,
            QueueMessage.leased_by == self._name,
            QueueMessage.deliveries == delivery.count,
        )


@contextmanager
def open_postgres_consumer(settings: Settings, name: str) -> Iterator[Consumer]:
    """See `core.broker.open_consumer`."""
    db = Database(settings.database_url.get_secret_value(), pool_size=2)
    try:
        with db.listening(CONSUMER_NAME) as listening:
            with db.transaction() as session:
                session.execute(
                    update(QueueMessage)
                    .where(QueueMessage.leased_by == name)
                    .values(leased_by=None, leased_until=None)
                )
            yield PostgresConsumer(db, listening, name)
    except DatabaseUnavailable as error:
        raise BrokerUnavailable from error
    finally:
        db.dispose()


def count_consumers(db: Database) -> int:
    """How many take from the embedded queue now: a process that died is missing at once.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.

    """
    return db.count_listening(CONSUMER_NAME)
