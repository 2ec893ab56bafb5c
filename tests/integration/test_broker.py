"""Both queues keep the same promises: the one in Postgres and RabbitMQ."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from core import wire
from core.broker import Message, Publisher, open_consumer, open_publisher
from core.config import Settings
from core.context import Context
from tests import builders
from tests.amqp import declare

KEY = "g-code-parsing"
NEXT_KEY = "g-code-execution"


@pytest.fixture(params=["postgres", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def queue(request: pytest.FixtureRequest, ctx: Context) -> Iterator[Settings]:
    """Settings that lead to an empty queue for both stages of a definition."""
    builders.world(ctx)
    if request.param == "postgres":
        yield ctx.settings
        return
    url = request.getfixturevalue("amqp_url")
    declare(url, KEY, NEXT_KEY)
    yield ctx.settings.model_copy(update={"amqp_url": SecretStr(url)})


@pytest.fixture
def publisher(queue: Settings) -> Iterator[Publisher]:
    opened = open_publisher(queue)
    yield opened
    opened.close()


def publish(ctx: Context, publisher: Publisher, *bodies: bytes, key: str = KEY) -> list[str | None]:
    with ctx.db.transaction() as session:
        return publisher.publish(session, [Message(wire.EXCHANGE, key, body) for body in bodies])


def drain(settings: Settings) -> list[bytes]:
    """Everything that waits, in the order in which it is handed out."""
    bodies = []
    with open_consumer(settings, "drain") as consumer:
        while (delivery := consumer.receive(0.5)) is not None:
            bodies.append(delivery.message.body)
            consumer.finish(delivery)
    return bodies


def test_messages_come_out_in_the_order_in_which_they_went_in(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    bodies = [str(number).encode() for number in range(700)]

    outcomes = publish(ctx, publisher, *bodies)

    assert outcomes == [None] * 700
    assert drain(queue) == bodies


def test_a_message_keeps_its_bytes_and_its_address(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    body = bytes(range(256)) * 4096
    publish(ctx, publisher, body)

    with open_consumer(queue, "one") as consumer:
        delivery = consumer.receive(5)

    assert delivery is not None
    assert delivery.message == Message(wire.EXCHANGE, KEY, body)
    assert not delivery.redelivered


def test_a_message_is_in_one_pair_of_hands_at_a_time(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    publish(ctx, publisher, b"only")

    with open_consumer(queue, "one") as one, open_consumer(queue, "two") as two:
        delivery = one.receive(5)
        assert delivery is not None
        assert one.renew(delivery)
        assert two.receive(0.3) is None


def test_a_consumer_at_work_holds_nothing_that_another_could_do(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    publish(ctx, publisher, b"first", b"second")

    with open_consumer(queue, "busy") as busy:
        first = busy.receive(5)
        with open_consumer(queue, "idle") as idle:
            second = idle.receive(5)

    assert first is not None
    assert second is not None
    assert [first.message.body, second.message.body] == [b"first", b"second"]
    assert not second.redelivered


def test_what_a_dead_consumer_held_is_handed_out_again_and_says_so(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    publish(ctx, publisher, b"twice")
    with open_consumer(queue, "one") as consumer:
        first = consumer.receive(5)

    with open_consumer(queue, "one") as consumer:
        second = consumer.receive(5)

    assert first is not None
    assert second is not None
    assert (first.redelivered, second.redelivered) == (False, True)


def test_what_is_given_back_is_handed_out_again_at_once(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    publish(ctx, publisher, b"again")

    with open_consumer(queue, "one") as consumer:
        first = consumer.receive(5)
        assert first is not None
        consumer.give_back(first)
        second = consumer.receive(5)

    assert second is not None
    assert second.message.body == b"again"
    assert second.redelivered


def test_what_is_rejected_is_never_handed_out_again(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    publish(ctx, publisher, b"poison", b"sound")

    with open_consumer(queue, "one") as consumer:
        poison = consumer.receive(5)
        assert poison is not None
        consumer.reject(poison)

    assert drain(queue) == [b"sound"]


def test_what_follows_goes_out_with_the_acknowledgement(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    publish(ctx, publisher, b"first stage")

    with open_consumer(queue, "one") as consumer:
        delivery = consumer.receive(5)
        assert delivery is not None
        consumer.finish(delivery, Message(wire.EXCHANGE, NEXT_KEY, b"second stage"))
        following = consumer.receive(5)

    assert following is not None
    assert following.message == Message(wire.EXCHANGE, NEXT_KEY, b"second stage")


def test_whoever_lost_a_message_can_neither_keep_nor_finish_it(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    publish(ctx, publisher, b"moved on")
    with open_consumer(queue, "one") as consumer:
        lost = consumer.receive(5)
    assert lost is not None

    with open_consumer(queue, "one") as consumer:
        again = consumer.receive(5)
        assert again is not None
        consumer.finish(lost, Message(wire.EXCHANGE, NEXT_KEY, b"never"))
        assert not consumer.renew(lost)
        assert consumer.renew(again)
        consumer.finish(again)

    assert drain(queue) == []


def test_a_waiting_consumer_gets_a_message_at_once(
    ctx: Context, queue: Settings, publisher: Publisher
) -> None:
    with open_consumer(queue, "one") as consumer:
        assert consumer.receive(0) is None
        publish(ctx, publisher, b"now")
        before = time.monotonic()
        delivery = consumer.receive(10)

    assert delivery is not None
    assert time.monotonic() - before < 5, "it was woken, not found at the end of its patience"
