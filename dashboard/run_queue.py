"""One script run after another in each browser tab, so that no click is lost.

Streamlit loses clicks in five ways (1.67, each reproduced in `tests/unit/test_run_queue.py` or
`tests/e2e/test_clicks.py`):

- A request for the whole page ends the run under way. What that run had not reached yet is not done:
  `if st.button(...)` further down, or the rest of an `on_click` callback, which is cut at its next
  `st.session_state` or `st.query_params`.
- With `runner.fastReruns` it also drops what waits behind that run, with the click in it, and works on
  the session's state in two threads, where the end of one run resets the click of the other.
- A request that comes while the last run is being delivered makes the server forget the rest of it.
- The browser sends what is pressed within one turn of its event loop as one request, for one fragment:
  a click outside of the fragment that a live part asks for at that moment draws that part only.
- A request names the large messages that the browser keeps, and a run sends their names alone. A browser
  that has dropped one of them meanwhile, two runs after it was last drawn, ends the connection for good:
  the page stands still until it is loaded again. So `global.minCachedMessageSize` lets it keep none.

So requests wait here, between the browser and Streamlit, until the run under way has ended and has been
delivered, and a request of a live part that carries a click, too, is made one for the whole page. What
was not clicked, such as a live part that draws itself again, is cut short after a second as before.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

PATH = "/_stcore/stream"

CLICK_SECONDS = 30.0
"""How long a run that a click has started is waited for."""

OTHER_SECONDS = 1.0
"""How long any other run is waited for: nothing is lost when it is cut short."""

START_SECONDS = 3.0
LIVE_START_SECONDS = 0.5
"""How long a run may take to begin: Streamlit ignores requests for parts that are gone."""

MOST_WAITING = 100
"""Requests that may wait; then the socket is not read any further."""

LIVE_PARTS = ("-socket__events", "-whole__events")
"""Ends of the widget ids of live parts (`dashboard.live`): their triggers are no clicks."""

_TRIGGERS = ("trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value")


class RunQueue:
    """Serialize the script runs that each WebSocket of Streamlit asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stand between the socket and Streamlit; let everything else pass."""
        if scope["type"] != "websocket" or not scope["path"].endswith(PATH):
            await self._app(scope, receive, send)
            return
        queue = _SocketQueue(receive, send)
        try:
            await self._app(scope, queue.receive, queue.send)
        finally:
            queue.close()


@dataclass(frozen=True, slots=True)
class _Request:
    """A request for a run: with a click in it, by a live part, or (neither) for another page or value."""

    message: BackMsg
    is_click: bool
    is_live: bool

    @property
    def state(self) -> ClientState:
        return self.message.rerun_script

    def replaces(self, other: _Request) -> bool:
        """Return whether `other`, which waits just before this one, would only draw the same page earlier."""
        return not other.is_click and all(
            getattr(self.state, name) == getattr(other.state, name)
            for name in ("page_script_hash", "page_name", "fragment_id", "is_history_navigation")
        )


@dataclass(slots=True)
class _Run:
    """The run under way. `has_begun` stays false for a part that is gone."""

    request: _Request
    since: float = field(default_factory=time.monotonic)
    has_begun: bool = False

    @property
    def waited_for_until(self) -> float:
        """When the next request is let through although the run has not ended."""
        if self.has_begun:
            return self.since + (CLICK_SECONDS if self.request.is_click else OTHER_SECONDS)
        return self.since + (LIVE_START_SECONDS if self.request.is_live else START_SECONDS)


class _SocketQueue:
    """The requests of one socket: one is with Streamlit, the others wait."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._waiting: deque[_Request] = deque()
        self._incoming: asyncio.Task[Message] | None = None
        self._disconnect: Message | None = None
        self._run: _Run | None = None
        self._run_ended = asyncio.Event()
        self._page = ""
        self._address = ""
        self._former_address: str | None = None
        self._values: dict[str, bytes] = {}

    async def receive(self) -> Message:
        """Return the next message that Streamlit may have; ASGI's `receive`."""
        while True:
            if self._waiting and not self._is_busy():
                request = self._current(self._waiting.popleft())
                if request is not None:
                    return self._start(request)
                continue
            if self._disconnect is not None and not self._waiting:
                return self._disconnect
            message = await self._next()
            if message is None:
                continue
            if message["type"] == "websocket.disconnect":
                self._disconnect = message
                continue
            request = self._parse(message)
            if request is None:
                return message
            if self._waiting and request.replaces(self._waiting[-1]):
                self._waiting.pop()
            self._waiting.append(request)

    async def send(self, message: Message) -> None:
        """Pass on what Streamlit sends, and note when a run begins and ends; ASGI's `send`.

        A browser that has gone is sent nothing. An error here would make Streamlit end the session and
        drop the clicks that wait.
        """
        with suppress(OSError):
            await self._send(message)
        if message.get("bytes"):
            self._note(ForwardMsg.FromString(message["bytes"]))

    def close(self) -> None:
        """Read the socket no more."""
        if self._incoming is not None:
            self._incoming.cancel()

    def _is_busy(self) -> bool:
        return self._run is not None and time.monotonic() < self._run.waited_for_until

    async def _next(self) -> Message | None:
        """Return the browser's next message, None if the run ends or was waited for long enough."""
        self._run_ended.clear()
        ended = asyncio.ensure_future(self._run_ended.wait())
        tasks: list[asyncio.Future[Any]] = [ended]
        if self._disconnect is None and len(self._waiting) < MOST_WAITING:
            self._incoming = self._incoming or asyncio.ensure_future(self._receive())
            tasks.append(self._incoming)
        limit = None
        if self._waiting and self._run is not None:
            limit = max(0.0, self._run.waited_for_until - time.monotonic())
        try:
            await asyncio.wait(tasks, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if self._incoming is None or not self._incoming.done():
            return None
        incoming, self._incoming = self._incoming, None
        return incoming.result()

    def _parse(self, message: Message) -> _Request | None:
        """Return the request for a run in `message`, None if it is something else."""
        try:
            parsed = BackMsg.FromString(message.get("bytes") or b"")
        except DecodeError:
            return None  # Streamlit refuses it
        if parsed.WhichOneof("type") != "rerun_script":
            return None
        states = parsed.rerun_script.widget_states.widgets
        triggers = [state.id for state in states if _is_triggered(state)]
        is_live = any(name.endswith(LIVE_PARTS) for name in triggers)
        values = {state.id: state.SerializeToString() for state in states if state.id not in triggers}
        is_click = any(not name.endswith(LIVE_PARTS) for name in triggers)
        is_change = any(self._values.get(name, value) != value for name, value in values.items())
        self._values = values
        if is_live and (is_click or is_change):
            parsed.rerun_script.fragment_id, is_live = "", False
        return _Request(parsed, is_click, is_live)

    def _current(self, request: _Request) -> _Request | None:
        """Return `request` as of the page and the address that Streamlit has come to meanwhile.

        The browser has sent it before it knew of them. None if it is not needed any more.
        """
        asked = request.state
        follows = bool(asked.fragment_id) or request.is_live
        if follows and self._page and asked.page_script_hash != self._page:
            if request.is_live and asked.fragment_id:
                return None
            asked.page_script_hash, asked.query_string = self._page, self._address
        is_other_page = bool(self._page) and asked.page_script_hash != self._page
        if asked.query_string != self._former_address or asked.is_history_navigation or is_other_page:
            self._former_address = None
        else:
            asked.query_string = self._address
        return request

    def _start(self, request: _Request) -> Message:
        self._run = _Run(request)
        self._page = request.state.page_script_hash or self._page
        self._address = request.state.query_string
        return {"type": "websocket.receive", "bytes": request.message.SerializeToString()}

    def _note(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session" and self._run is not None:
            self._run.has_begun = True
        elif kind == "navigation":
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            if self._former_address is None:
                self._former_address = self._address
            self._address = message.page_info_changed.query_string
        elif kind == "script_finished" and message.script_finished != _FOR_RERUN:
            self._run = None
            self._run_ended.set()


_FOR_RERUN = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN


def _is_triggered(state: WidgetState) -> bool:
    kind = state.WhichOneof("value")
    value = getattr(state, kind) if kind in _TRIGGERS else None
    return bool(value.ListFields() if isinstance(value, ProtobufMessage) else value)
