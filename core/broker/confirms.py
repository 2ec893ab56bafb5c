"""Publishing with confirms in windows: many messages on their way, one wait for all of them.

Confirmed one by one RabbitMQ takes about 500 messages a second, in windows of 500 about 8,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

import pika
from pika import spec
from pika.channel import Channel

from core.broker.interface import Message, no_queue, not_taken

_PERSISTENT = 2


class Confirms:
    """The window of one channel. Everything here runs in the thread that owns the channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._last_tag = 0
        self._open: dict[int, int] = {}
        """Delivery tag → position in the window, of what the broker has not answered yet."""
        self._sent: Sequence[Message] = ()
        self._problems: list[str | None] = []
        self._future: Future[list[str | None]] = Future()
        channel.confirm_delivery(self._on_answer)
        channel.add_on_return_callback(self._on_return)

    def send(self, messages: Sequence[Message], future: Future[list[str | None]]) -> None:
        """Publish `messages` in order; `future` gets for each what is in the way, or None."""
        self._sent, self._problems, self._future = messages, [None] * len(messages), future
        for position, message in enumerate(messages):
            self._last_tag += 1
            self._open[self._last_tag] = position
            properties = pika.BasicProperties(
                delivery_mode=_PERSISTENT, content_type="application/json", message_id=str(position)
            )
            self._channel.basic_publish(
                message.exchange, message.routing_key, message.body, properties, mandatory=True
            )

    def _on_return(
        self, _channel: Channel, _method: spec.Basic.Return, properties: pika.BasicProperties, _body: bytes
    ) -> None:
        """No queue took it. The broker says so before it confirms the message."""
        position = int(properties.message_id)
        self._problems[position] = no_queue(self._sent[position])

    def _on_answer(self, frame: pika.frame.Method) -> None:
        answer = frame.method
        tags = [answer.delivery_tag]
        if answer.multiple:
            tags = [tag for tag in self._open if tag <= answer.delivery_tag]
        for tag in tags:
            position = self._open.pop(tag)
            if isinstance(answer, spec.Basic.Nack):
                self._problems[position] = not_taken(self._sent[position])
        if not self._open:
            self._future.set_result(self._problems)
