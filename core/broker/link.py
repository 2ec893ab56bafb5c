"""One connection to RabbitMQ with one channel, owned by one thread.

pika's connections are not for several threads, and a connection that nobody serves is closed by the
broker for want of a heartbeat. So a thread of its own runs it; others hand that thread what to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Overdue
from typing import Any, TypeVar

import pika
import pika.exceptions
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.channel import Channel

from core.broker.amqp import meaning
from core.errors import BrokerUnavailable

ANSWER_SECONDS = 30.0
"""How long the broker may take for anything; longer than its own time-outs, shorter than a transaction's."""

THREAD_NAME = "amqp"
"""The threads that own connections. Whoever uses a `Link` learns of its end, whatever that came from."""

_CLOSE_SECONDS = 3.0

T = TypeVar("T")


class Link:
    """Opens the connection at once; when it is over, it stays over: open another one.

    `on_end` is called once, from the owner's thread, when the connection is over.

    Raises:
        BrokerUnavailable: the broker does not answer, or refuses us (`BrokerRefused`).

    """

    def __init__(self, parameters: pika.URLParameters, on_end: Callable[[], None] = lambda: None) -> None:
        self._parameters = parameters
        self._on_end = on_end
        self._loop = IOLoop()
        self._lock = threading.Lock()
        self._waiting: set[Future[Any]] = set()
        self._end: BrokerUnavailable | None = None
        self._reason: BaseException | None = None
        self._connection: SelectConnection | None = None
        self._channel: Channel | None = None
        self._opened: Future[object] = Future()
        self._waiting.add(self._opened)
        self._thread = threading.Thread(target=self._own, name=THREAD_NAME, daemon=True)
        self._thread.start()
        self._await(self._opened)

    @property
    def is_open(self) -> bool:
        """Whether it can still be used, as far as we know."""
        return self._end is None

    def check(self) -> None:
        """Raise why it is over, if it is.

        Raises:
            BrokerUnavailable: it is over.

        """
        if self._end is not None:
            raise self._end

    def call(self, action: Callable[[Channel, Future[T]], None]) -> T:
        """Have the owner's thread run `action`, and wait until its future is resolved.

        Raises:
            BrokerUnavailable: the connection ended first, or the answer took too long; what was
                sent may or may not have arrived.

        """
        future: Future[T] = Future()
        with self._lock:
            self.check()
            self._waiting.add(future)
            self._loop.add_callback_threadsafe(lambda: self._act(action, future))
        return self._await(future)

    def close(self) -> None:
        """End it in an orderly way; what was taken and not acknowledged is handed out again."""
        with self._lock:
            if self._end is None:
                self._loop.add_callback_threadsafe(self._close_connection)
        self._thread.join(_CLOSE_SECONDS)

    def _await(self, future: Future[T]) -> T:
        try:
            return future.result(ANSWER_SECONDS)
        except Overdue as error:
            self.close()
            raise BrokerUnavailable from error
        finally:
            with self._lock:
                self._waiting.discard(future)

    def _act(self, action: Callable[[Channel, Future[T]], None], future: Future[T]) -> None:
        if self._channel is not None and self._channel.is_open:
            action(self._channel, future)

    def _own(self) -> None:
        try:
            self._connection = SelectConnection(
                self._parameters,
                on_open_callback=self._on_open,
                on_open_error_callback=self._on_close,
                on_close_callback=self._on_close,
                custom_ioloop=self._loop,
            )
            self._loop.start()
        except (pika.exceptions.AMQPError, OSError) as error:
            self._reason = self._reason or error
        finally:
            self._over()

    def _on_open(self, connection: SelectConnection) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_close)
        self._opened.set_result(None)

    def _on_channel_close(self, _channel: Channel, reason: Exception) -> None:
        self._reason = self._reason or reason
        self._close_connection()

    def _on_close(self, _connection: object, reason: BaseException) -> None:
        self._reason = self._reason or reason
        self._loop.stop()

    def _close_connection(self) -> None:
        connection = self._connection
        if connection is not None and not (connection.is_closing or connection.is_closed):
            connection.close()

    def _over(self) -> None:
        with self._lock:
            self._end = meaning(self._reason)
            self._loop.close()
            waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_exception(self._end)
        self._on_end()
