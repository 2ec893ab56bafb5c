"""uvicorn's HTTP protocol with limits on what one connection may cost before a route sees it.

uvicorn bounds neither the head of a request nor the time that it takes. The rules are those of Apache's
mod_reqtimeout: the head has a fixed time, the body has a time that grows with what arrives, so that slow
lines may upload and lines that stand still are closed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web.headers import FIXED


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may take. Times in seconds, sizes in bytes."""

    head_bytes: int = 32_768
    """URL, headers and trailers of one request together."""
    head_fields: int = 100
    head_seconds: float = 10.0
    body_seconds: float = 60.0
    """Longest pause within a body, and the credit that a slow line begins with."""
    body_bytes_per_second: int = 1_000
    """Slowest line that is waited for."""
    linger_seconds: float = 30.0
    """How long a body is read and dropped after its answer, so that the sender gets to see the answer."""
    write_seconds: float = 60.0
    """Longest time in which a reader takes nothing."""


DEFAULT = Limits()


class _TooMuch(Exception):
    """The head of a request is over its limit."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection under `limits`."""

    limits = DEFAULT

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.access_log = (
            self.config.access_log
        )  # Streamlit gives its logger a handler, and addresses hold secrets
        self._head_bytes = self._head_fields = 0
        self._unseen_bytes = 0  # received since the parser last told of anything
        self._in_head = self._in_request = False
        self._deadline = 0.0
        self._read_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    # ---- the head

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        super().connection_made(transport)
        self._in_head = True
        self._expect_within(self.limits.head_seconds)

    def data_received(self, data: bytes) -> None:
        self._unseen_bytes += len(data)
        if self._in_request and not self._in_head:
            self._credit(len(data))
        elif self._read_timer is None:  # blank lines before a request, of which the parser tells nothing
            self._expect_within(self.limits.head_seconds)
        super().data_received(data)
        if self._unseen_bytes > self.limits.head_bytes and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = self._head_fields = self._unseen_bytes = 0
        self._in_head = self._in_request = True
        self._expect_within(self.limits.head_seconds)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_fields += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._unseen_bytes = 0
        self._expect_within(self.limits.body_seconds)
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._unseen_bytes = 0
        self._head_bytes += size
        if self._head_bytes > self.limits.head_bytes or self._head_fields > self.limits.head_fields:
            raise _TooMuch

    # ---- the body

    def on_body(self, body: bytes) -> None:
        self._unseen_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_request = False
        self._unseen_bytes = 0
        self._stop_reading_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_request:
            self._expect_within(self.limits.linger_seconds)

    def _credit(self, size: int) -> None:
        """Let a body that arrives take longer, unless its answer is out already."""
        if self.cycle is not None and self.cycle.response_complete:
            return
        now = self.loop.time()
        later = self._deadline + size / self.limits.body_bytes_per_second
        self._deadline = min(later, now + self.limits.body_seconds)

    def _expect_within(self, seconds: float) -> None:
        self._stop_reading_timer()
        self._deadline = self.loop.time() + seconds
        self._read_timer = self.loop.call_at(self._deadline, self._look_at_reading)

    def _look_at_reading(self) -> None:
        now = self.loop.time()
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self.flow.read_paused or (is_answering and not self._in_request):  # it is the client who waits
            self._deadline = now + self.limits.body_seconds
        if now < self._deadline:
            self._read_timer = self.loop.call_at(self._deadline, self._look_at_reading)
        elif self._in_request:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:  # nothing was asked yet
            self.transport.close()

    def _stop_reading_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    # ---- the answer

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_writing_timer()
        super().resume_writing()

    def _stop_writing_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  the base's signature
        too_much = self._head_bytes > self.limits.head_bytes or self._head_fields > self.limits.head_fields
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if too_much else HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer without a route, with the headers of every answer, and close."""
        self._stop_reading_timer()
        is_answered = not self._in_head and self.cycle is not None and self.cycle.response_started
        if not is_answered and not self.transport.is_closing():
            text = f"{status.value} {status.phrase}".encode()
            headers = {
                **FIXED,
                "Content-Type": "text/plain; charset=utf-8",
                "Content-Length": str(len(text)),
                "Connection": "close",
            }
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            self.transport.write(b"HTTP/1.1 " + text + b"\r\n" + lines.encode("ascii") + b"\r\n" + text)
        self.transport.close()

    # ---- the end

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_reading_timer()
        self._stop_writing_timer()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._stop_reading_timer()
        super().handle_websocket_upgrade()
