"""Handing messages over to RabbitMQ: persistent, mandatory, confirmed in windows."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import Future

from pika.channel import Channel
from sqlalchemy.orm import Session

from core.broker.amqp import connected, exchange_exists, parameters
from core.broker.confirms import Confirms
from core.broker.interface import Message, no_queue
from core.broker.link import Link
from core.config import Settings
from core.errors import BrokerUnavailable

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 8.0


class RabbitPublisher:
    """Publishes over one connection, opened when it is needed and again after it broke.

    While the broker is away nobody waits for it: between two tries, whose distance grows and is
    drawn at random, `publish` fails at once with the reason of the last one. For one thread.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._link: Link | None = None
        self._confirms: Confirms | None = None
        self._exchanges: set[str] = set()
        """What is known to exist: publishing to an exchange that does not would end the channel."""
        self._failures = 0
        self._next_try = 0.0
        self._problem = BrokerUnavailable()

    def publish(self, session: Session, messages: Sequence[Message]) -> list[str | None]:  # noqa: ARG002  the protocol's
        """See `Publisher.publish`."""
        if time.monotonic() < self._next_try:
            raise self._problem
        try:
            outcomes = self._publish(messages)
        except BrokerUnavailable as error:
            self._break_off(error)
            raise
        self._failures = 0
        return outcomes

    def close(self) -> None:
        """End the connection."""
        if self._link is not None:
            self._link.close()
        self._link = self._confirms = None
        self._exchanges.clear()

    def _publish(self, messages: Sequence[Message]) -> list[str | None]:
        link = self._open()
        self._look_for({message.exchange for message in messages} - self._exchanges)
        outcomes = [
            None if message.exchange in self._exchanges else no_queue(message) for message in messages
        ]
        ready = [position for position, problem in enumerate(outcomes) if problem is None]
        if ready:
            window = [messages[position] for position in ready]

            def send(channel: Channel, future: Future[list[str | None]]) -> None:
                self._confirms = self._confirms or Confirms(channel)
                self._confirms.send(window, future)

            problems = link.call(send)
            for position, problem in zip(ready, problems, strict=True):
                outcomes[position] = problem
        return outcomes

    def _open(self) -> Link:
        if self._link is None or not self._link.is_open:
            self.close()
            self._link = Link(parameters(self._settings, "relay"))
        return self._link

    def _look_for(self, exchanges: set[str]) -> None:
        if exchanges:
            with connected(self._settings, "relay: looking") as connection:
                self._exchanges |= {name for name in exchanges if exchange_exists(connection, name)}

    def _break_off(self, error: BrokerUnavailable) -> None:
        self.close()
        pause = min(_FIRST_PAUSE * 2**self._failures, _LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 16)
        self._next_try = time.monotonic() + random.uniform(pause / 2, pause)  # noqa: S311  no secret
        self._problem = error
