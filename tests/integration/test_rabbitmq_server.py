"""The broker that the other tests stand on does what they ask of it."""

from __future__ import annotations

import pika
import pika.exceptions
import pytest

from tests.rabbitmq import RabbitMq


def declared(url: str) -> int:
    """How many messages the queue `kept` holds; it is made when it is missing."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        answer = connection.channel().queue_declare("kept", durable=True)
        return int(answer.method.message_count)
    finally:
        connection.close()


def test_what_is_durable_outlives_an_orderly_end_and_a_kill(rabbitmq: RabbitMq, amqp_url: str) -> None:
    assert declared(amqp_url) == 0
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(delivery_mode=2)
        channel.basic_publish("", "kept", b"body", properties, mandatory=True)

    rabbitmq.restart()
    after_restart = declared(amqp_url)
    rabbitmq.kill()
    rabbitmq.start()

    assert (after_restart, declared(amqp_url)) == (1, 1)


def test_cut_connections_are_broken_without_a_word(rabbitmq: RabbitMq, amqp_url: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    channel = connection.channel()

    assert rabbitmq.cut_connections() >= 1

    with pytest.raises(pika.exceptions.AMQPConnectionError):
        channel.queue_declare("kept", durable=True)


def test_each_test_has_a_virtual_host_of_its_own(rabbitmq: RabbitMq, amqp_url: str) -> None:
    assert declared(amqp_url) == 0
    other = rabbitmq.new_vhost()

    with (
        pika.BlockingConnection(pika.URLParameters(other)) as connection,
        pytest.raises(pika.exceptions.ChannelClosedByBroker),
    ):
        connection.channel().queue_declare("kept", passive=True)
