"""What may happen to RabbitMQ and to the connection, and what comes of the messages then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr

from core import wire
from core.broker import Message, RabbitConsumer, RabbitPublisher
from core.broker.amqp import parameters
from core.config import Settings
from core.context import Context
from core.errors import BrokerBlocked, BrokerRefused, BrokerUnavailable
from core.services.health import check_components
from tests import builders
from tests.amqp import bodies, channel, declare
from tests.rabbitmq import RabbitMq
from tests.waiting import eventually

KEY = "g-code-parsing"


def message(body: bytes, key: str = KEY, exchange: str = wire.EXCHANGE) -> Message:
    return Message(exchange, key, body)


@pytest.fixture
def publishing(ctx: Context) -> Iterator[Callable[[str], Callable[..., list[str | None]]]]:
    """Opens a publisher on an address; what it returns publishes."""
    opened: list[RabbitPublisher] = []

    def to(url: str) -> Callable[..., list[str | None]]:
        publisher = RabbitPublisher(_settings(ctx.settings, url))
        opened.append(publisher)

        def publish(*messages: Message) -> list[str | None]:
            with ctx.db.transaction() as session:
                return publisher.publish(session, messages)

        return publish

    yield to
    for publisher in opened:
        publisher.close()


def _settings(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"amqp_url": SecretStr(url)})


@contextmanager
def consuming(settings: Settings, url: str, queue: str = KEY) -> Iterator[RabbitConsumer]:
    consumer = RabbitConsumer(_settings(settings, url), "test", lambda: {queue})
    try:
        yield consumer
    finally:
        consumer.close()


Publishing = Callable[[str], Callable[..., list[str | None]]]


def test_a_message_that_no_queue_takes_is_named_and_the_others_go_out(
    amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publish = publishing(amqp_url)

    outcomes = publish(message(b"1"), message(b"2", "nobody-listens"), message(b"3"))

    assert outcomes == [None, "no queue is bound to processing-exchange/nobody-listens", None]
    assert bodies(amqp_url, KEY) == [b"1", b"3"]


def test_an_exchange_that_is_not_there_stops_only_what_is_sent_to_it(
    amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publish = publishing(amqp_url)
    lost = message(b"2", exchange="somewhere-else")

    assert publish(message(b"1"), lost) == [None, f"no queue is bound to somewhere-else/{KEY}"]

    with channel(amqp_url) as administrator:
        administrator.exchange_declare("somewhere-else", "direct", durable=True)
        administrator.queue_bind(KEY, "somewhere-else", KEY)
    assert publish(lost) == [None]
    assert bodies(amqp_url, KEY) == [b"1", b"2"]


def test_a_full_queue_leaves_its_message_with_us(amqp_url: str, publishing: Publishing) -> None:
    declare(amqp_url, KEY, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    publish = publishing(amqp_url)
    assert publish(message(b"1")) == [None]

    outcomes = publish(message(b"2"))

    assert outcomes == [f"the queue of processing-exchange/{KEY} takes no more"]


def test_an_exchange_that_is_taken_away_later_is_noticed(amqp_url: str, publishing: Publishing) -> None:
    declare(amqp_url, KEY)
    publish = publishing(amqp_url)
    publish(message(b"1"))
    with channel(amqp_url) as administrator:
        administrator.exchange_delete(wire.EXCHANGE)

    outcome = eventually(lambda: publish(message(b"2")), BrokerUnavailable)

    assert outcome == [f"no queue is bound to processing-exchange/{KEY}"]


def test_after_a_cut_connection_publishing_goes_on(
    rabbitmq: RabbitMq, amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publish = publishing(amqp_url)
    publish(message(b"before"))

    rabbitmq.cut_connections()
    eventually(lambda: publish(message(b"after")), BrokerUnavailable)

    assert set(bodies(amqp_url, KEY)) == {b"before", b"after"}


def test_what_was_confirmed_outlives_a_kill_of_the_broker_and_publishing_goes_on(
    rabbitmq: RabbitMq, amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publish = publishing(amqp_url)
    confirmed = [str(number).encode() for number in range(500)]
    publish(*map(message, confirmed))

    rabbitmq.kill()
    with pytest.raises(BrokerUnavailable):
        publish(message(b"while it is away"))
    rabbitmq.start()
    eventually(lambda: publish(message(b"after")), BrokerUnavailable)

    assert bodies(amqp_url, KEY) == [*confirmed, b"after"]


def test_connections_cut_in_the_middle_of_windows_lose_nothing_that_was_confirmed(
    rabbitmq: RabbitMq, amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publish = publishing(amqp_url)
    over = threading.Event()

    def cut() -> None:
        while not over.wait(0.05):
            rabbitmq.cut_connections()

    cutter = threading.Thread(target=cut)
    cutter.start()
    cut_windows = 0
    confirmed: list[bytes] = []
    number = 0
    while cut_windows < 3:
        window = [f"{number}-{position}".encode() for position in range(500)]
        number += 1
        try:
            publish(*map(message, window))
        except BrokerUnavailable:
            cut_windows += 1
            over.wait(0.05)
        else:
            confirmed += window
    over.set()
    cutter.join()

    assert set(confirmed) <= set(bodies(amqp_url, KEY))


@pytest.mark.parametrize("part", ["password", "vhost"])
def test_wrong_credentials_are_said_clearly_and_without_the_password(
    rabbitmq: RabbitMq, publishing: Publishing, part: str
) -> None:
    url = rabbitmq.url(password="secret-guess") if part == "password" else rabbitmq.url("no-such-vhost")
    publish = publishing(url)

    with pytest.raises(BrokerRefused, match="ULOS_AMQP_URL") as refusal:
        publish(message(b"1"))

    assert "secret-guess" not in str(refusal.value)


def test_a_user_who_may_not_publish_is_told_by_rabbitmqs_own_reason(
    rabbitmq: RabbitMq, amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    rabbitmq.forbid_writing(amqp_url)

    with pytest.raises(BrokerRefused, match="access to exchange"):
        publishing(amqp_url)(message(b"1"))


def test_nobody_waits_for_ever_unless_the_address_says_so(ctx: Context) -> None:
    usual = parameters(_settings(ctx.settings, "amqp://here/"), "test")
    asked = parameters(_settings(ctx.settings, "amqp://here/?heartbeat=60&socket_timeout=9"), "test")

    assert (usual.heartbeat, usual.blocked_connection_timeout, usual.socket_timeout) == (10, 20, 5)
    assert (asked.heartbeat, asked.blocked_connection_timeout, asked.socket_timeout) == (60, 20, 9)


def test_an_address_that_is_none_is_said_clearly(publishing: Publishing) -> None:
    with pytest.raises(BrokerRefused, match="ULOS_AMQP_URL"):
        publishing("amqp://here:not-a-port/")(message(b"1"))


def test_a_broker_short_of_memory_is_named_and_gets_the_message_later(
    rabbitmq: RabbitMq, amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publish = publishing(f"{amqp_url}?blocked_connection_timeout=1")
    publish(message(b"before"))
    rabbitmq.raise_memory_alarm()
    try:
        with pytest.raises(BrokerBlocked):
            publish(message(b"while blocked"))
    finally:
        rabbitmq.clear_memory_alarm()

    eventually(lambda: publish(message(b"after")), BrokerUnavailable)

    assert {b"before", b"after"} <= set(bodies(amqp_url, KEY))


def test_a_broker_that_falls_silent_is_given_up_and_found_again(
    rabbitmq: RabbitMq, amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publish = publishing(f"{amqp_url}?heartbeat=1&socket_timeout=1&stack_timeout=1")
    publish(message(b"before"))
    rabbitmq.pause()
    try:
        with pytest.raises(BrokerUnavailable):
            publish(message(b"while silent"))
    finally:
        rabbitmq.resume()

    eventually(lambda: publish(message(b"after")), BrokerUnavailable)

    assert {b"before", b"after"} <= set(bodies(amqp_url, KEY))


def test_a_stage_that_runs_for_long_keeps_its_message(
    ctx: Context, amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publishing(amqp_url)(message(b"long"))

    with consuming(ctx.settings, f"{amqp_url}?heartbeat=1") as consumer:
        delivery = consumer.receive(5)
        assert delivery is not None
        threading.Event().wait(4)  # four heartbeats, in which this thread does something else
        assert consumer.renew(delivery)
        consumer.finish(delivery)

    assert bodies(amqp_url, KEY) == []


def test_a_consumer_whose_connection_is_cut_learns_that_it_lost_its_message(
    ctx: Context, rabbitmq: RabbitMq, amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publishing(amqp_url)(message(b"lost"))
    with consuming(ctx.settings, amqp_url) as consumer:
        delivery = consumer.receive(5)
        assert delivery is not None

        rabbitmq.cut_connections()

        eventually(lambda: not consumer.renew(delivery))
        consumer.finish(delivery)
        with pytest.raises(BrokerUnavailable):
            consumer.receive(5)
    assert bodies(amqp_url, KEY) == [b"lost"]


def test_a_consumer_begins_to_take_from_a_queue_that_comes_to_be(
    ctx: Context, amqp_url: str, publishing: Publishing
) -> None:
    with consuming(ctx.settings, amqp_url) as consumer:
        assert consumer.receive(0) is None
        declare(amqp_url, KEY)
        publishing(amqp_url)(message(b"late"))

        delivery = eventually(lambda: consumer.receive(1))

        assert delivery.message.body == b"late"


def test_work_whose_follow_up_no_queue_takes_is_not_lost(
    ctx: Context, amqp_url: str, publishing: Publishing
) -> None:
    declare(amqp_url, KEY)
    publishing(amqp_url)(message(b"first stage"))

    with consuming(ctx.settings, amqp_url) as consumer:
        delivery = consumer.receive(5)
        assert delivery is not None
        with pytest.raises(BrokerUnavailable):
            consumer.finish(delivery, message(b"second stage", "nobody-listens"))

    assert bodies(amqp_url, KEY) == [b"first stage"]


def test_readiness_tells_of_the_broker(ctx: Context, amqp_url: str) -> None:
    url = SecretStr(amqp_url)
    ours = builders.with_settings(ctx, ctx.settings.model_copy(update={"amqp_url": url}))
    refused = SecretStr(amqp_url.replace(":s3cret@", ":wrong@"))
    others = builders.with_settings(ctx, ctx.settings.model_copy(update={"amqp_url": refused}))

    assert check_components(ours)["broker"] == "ok"
    assert check_components(others)["broker"] != "ok"
