"""How we connect to RabbitMQ, and what its errors mean here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from core.config import Settings
from core.errors import BrokerBlocked, BrokerRefused, BrokerUnavailable

HEARTBEAT_SECONDS = 10
"""Whoever stays silent for about twice as long is taken for dead, on either side."""

BLOCKED_SECONDS = 20
"""How long we wait for a broker that takes nothing because its memory or disk is short."""

NOT_FOUND = 404
PRECONDITION_FAILED = 406
_ACCESS_REFUSED = 403
_NOT_ALLOWED = 530


def parameters(settings: Settings, purpose: str) -> pika.URLParameters:
    """The parameters of one connection; `purpose` is what operators read in RabbitMQ's lists.

    What the address itself says in its query (`heartbeat`, `blocked_connection_timeout`, …) wins.

    Raises:
        BrokerRefused: `ULOS_AMQP_URL` is no address of a broker.

    """
    url = settings.amqp_url.get_secret_value()
    try:
        found = pika.URLParameters(url)
    except (ValueError, TypeError) as error:
        raise BrokerRefused(reason=str(error)) from error
    query = urlsplit(url).query
    for name, value in (
        ("heartbeat", HEARTBEAT_SECONDS),
        ("blocked_connection_timeout", BLOCKED_SECONDS),
        ("socket_timeout", 5),
        ("stack_timeout", 10),
    ):
        if f"{name}=" not in query:
            setattr(found, name, value)
    found.client_properties = {"connection_name": f"ulos {purpose}"}
    return found


@contextmanager
def connected(settings: Settings, purpose: str) -> Iterator[pika.BlockingConnection]:
    """A short-lived connection for questions and declarations, used by this thread alone.

    Raises:
        BrokerUnavailable: the broker cannot be reached, went away, or refused.

    """
    try:
        connection = pika.BlockingConnection(parameters(settings, purpose))
        try:
            yield connection
        finally:
            if connection.is_open:
                connection.close()
    except (pika.exceptions.AMQPError, OSError) as error:
        raise meaning(error) from error


def check_broker(settings: Settings) -> None:
    """Ask RabbitMQ for a sign of life.

    Raises:
        BrokerUnavailable: it gives none, or it refuses us.

    """
    with connected(settings, "health"):
        pass


def exchange_exists(connection: pika.BlockingConnection, name: str) -> bool:
    """Whether there is an exchange `name`."""
    return _found(connection, lambda channel: channel.exchange_declare(name, passive=True))


def queue_exists(connection: pika.BlockingConnection, name: str) -> bool:
    """Whether there is a queue `name`."""
    return _found(connection, lambda channel: channel.queue_declare(name, passive=True))


def _found(connection: pika.BlockingConnection, ask: Callable[[BlockingChannel], object]) -> bool:
    channel = connection.channel()  # one of its own: the broker's "no" closes it
    try:
        ask(channel)
    except pika.exceptions.ChannelClosedByBroker as error:
        if error.reply_code == NOT_FOUND:
            return False
        raise
    channel.close()
    return True


def meaning(error: BaseException | None) -> BrokerUnavailable:
    """What an error of pika or of the socket means to us."""
    if isinstance(error, BrokerUnavailable):
        return error
    if isinstance(error, pika.exceptions.ConnectionBlockedTimeout):
        return BrokerBlocked()
    if _is_refusal(error):
        return BrokerRefused(reason=_reason(error))
    return BrokerUnavailable()


def _is_refusal(error: BaseException | None) -> bool:
    if isinstance(
        error,
        pika.exceptions.AuthenticationError
        | pika.exceptions.ProbableAuthenticationError
        | pika.exceptions.ProbableAccessDeniedError,
    ):
        return True
    closed = pika.exceptions.ConnectionClosedByBroker | pika.exceptions.ChannelClosedByBroker
    return isinstance(error, closed) and error.reply_code in {_ACCESS_REFUSED, _NOT_ALLOWED}


def _reason(error: BaseException | None) -> str:
    text = getattr(error, "reply_text", None) or str(error)
    return str(text)
