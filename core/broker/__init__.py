"""The queue between us and the nodes: RabbitMQ, or the one in Postgres of the embedded default."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.broker.amqp import check_broker
from core.broker.interface import Consumer, Delivery, Message, Publisher, no_queue
from core.broker.postgres import (
    LEASE,
    QUEUE_TOPIC,
    PostgresConsumer,
    PostgresPublisher,
    count_consumers,
    open_postgres_consumer,
)
from core.broker.rabbitmq_consumer import RabbitConsumer, open_rabbitmq_consumer
from core.broker.rabbitmq_publisher import RabbitPublisher
from core.broker.rabbitmq_reports import Arrived, ReportIntake
from core.config import Settings

__all__ = [
    "LEASE",
    "QUEUE_TOPIC",
    "Arrived",
    "Consumer",
    "Delivery",
    "Message",
    "PostgresConsumer",
    "PostgresPublisher",
    "Publisher",
    "RabbitConsumer",
    "RabbitPublisher",
    "ReportIntake",
    "check_broker",
    "count_consumers",
    "no_queue",
    "open_consumer",
    "open_publisher",
]


def open_publisher(settings: Settings) -> Publisher:
    """The publisher that the settings ask for, for one thread. It connects when it is first used."""
    return RabbitPublisher(settings) if settings.uses_rabbitmq else PostgresPublisher()


@contextmanager
def open_consumer(settings: Settings, name: str) -> Iterator[Consumer]:
    """A consumer of every queue, known to others as `name` (unique among those running).

    What an earlier consumer of the same name left behind when it died is free again at once.

    Raises:
        BrokerUnavailable: the queue does not answer.

    """
    opened = open_rabbitmq_consumer if settings.uses_rabbitmq else open_postgres_consumer
    with opened(settings, name) as consumer:
        yield consumer
