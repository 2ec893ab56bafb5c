"""The WebSocket `/live`: tells a signed-in browser which of its topics have changed, as they change.

The browser names what its page shows; what is told is limited to what the session's person may
follow. The channel ends with the session (close code 4401) and carries topics and numbers only.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.context import Context
from core.errors import DatabaseUnavailable
from core.services import accounts, topics
from core.services.accounts import SignedIn
from core.wake import TopicListener
from dashboard import process
from dashboard.live.hub import COALESCE_SECONDS, Follower, Hub, Stamp
from dashboard.origin import same_origin

NOT_SIGNED_IN = 4401
MISUSED = 1008
"""Close code of RFC 6455 for a message that breaks the rules of the endpoint."""

TRY_LATER = 1013

BEAT_SECONDS = 20.0
"""Longest silence; a browser that hears nothing for longer knows that the line is dead."""

CHECK_SECONDS = 300.0
"""How often a session is looked up although nobody said that it ended: it may have run out."""

MOST_TOPICS = 50
_LONGEST_MESSAGE = 4096


@dataclass(slots=True)
class _Line:
    """One socket with what is known about who listens."""

    socket: WebSocket
    signed_in: SignedIn
    follower: Follower
    token: str


class Channel:
    """The hub of this process, fed by one listening thread, with the route that browsers open."""

    def __init__(self, context: Callable[[], Context]) -> None:
        self._context = context
        self._hub = Hub()
        self._listener: TopicListener | None = None
        self.route = WebSocketRoute("/live", self.serve)

    def stamp(self) -> Stamp:
        """The present moment, for a page that is about to be drawn. Safe from any thread."""
        return self._hub.stamp()

    def start(self) -> None:
        """Begin to listen. Call it on the event loop that serves the route."""
        loop = asyncio.get_running_loop()

        def hear(topics: Sequence[str]) -> None:
            loop.call_soon_threadsafe(self._hub.publish, topics)

        def miss() -> None:
            loop.call_soon_threadsafe(self._hub.publish_all)

        self._listener = TopicListener(self._context().db, hear, miss)
        self._listener.start()

    async def stop(self) -> None:
        """End the listening thread, and wait for it: it must not call a loop that is closed."""
        if self._listener is not None:
            self._listener.stop()
            await run_in_threadpool(self._listener.join)

    async def serve(self, socket: WebSocket) -> None:
        """One browser tab, from its handshake to its end."""
        if not same_origin(socket, self._context().settings):
            await socket.close(MISUSED)  # before it is accepted: answered 403
            return
        await socket.accept()
        token = socket.cookies.get(process.SESSION_COOKIE, "")
        since = self._hub.stamp()
        try:
            signed_in = await run_in_threadpool(accounts.find_session, self._context(), token, touch=False)
        except DatabaseUnavailable:
            await socket.close(TRY_LATER)
            return
        if signed_in is None:
            await socket.close(NOT_SIGNED_IN)
            return
        follower = Follower(signed_in.session_id)
        self._hub.join(follower, since)
        try:
            await self._talk(_Line(socket, signed_in, follower, token))
        finally:
            self._hub.leave(follower)

    async def _talk(self, line: _Line) -> None:
        hear, speak = asyncio.create_task(self._hear(line)), asyncio.create_task(self._speak(line))
        try:
            done, _ = await asyncio.wait({hear, speak}, return_when=asyncio.FIRST_COMPLETED)
            code = next(iter(done)).result()
            if code is not None:
                with suppress(RuntimeError):  # the browser was faster
                    await line.socket.close(code)
        finally:
            for task in (hear, speak):
                task.cancel()
            await asyncio.gather(hear, speak, return_exceptions=True)

    async def _hear(self, line: _Line) -> int | None:
        """What the page shows, each time that it changes; the code to close with, None if it is closed."""
        while True:
            try:
                wanted = _parse(await line.socket.receive_text())
            except (WebSocketDisconnect, KeyError):  # KeyError: a binary message
                return None
            if wanted is None:
                return MISUSED
            if wanted.person_id != line.signed_in.person.id:
                return NOT_SIGNED_IN
            try:
                line.follower.topics = await run_in_threadpool(
                    topics.limit, self._context(), line.signed_in.person.actor, wanted.topics
                )
            except DatabaseUnavailable:
                return TRY_LATER
            line.follower.rouse(0.0)

    async def _speak(self, line: _Line) -> int | None:
        """Versions whenever one may have changed, and as a sign of life; the code to close with."""
        loop, follower, spoke_at = asyncio.get_running_loop(), line.follower, 0.0
        check_at = loop.time() + CHECK_SECONDS * random.uniform(0.5, 1)  # noqa: S311  spreads load
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(follower.wake.wait(), BEAT_SECONDS)
                await asyncio.sleep(max(follower.delay, spoke_at + COALESCE_SECONDS - loop.time()))
            if follower.doubted or loop.time() > check_at:
                follower.doubted, check_at = False, loop.time() + CHECK_SECONDS
                if not await self._still_signed_in(line):
                    return NOT_SIGNED_IN
            follower.wake.clear()
            spoke_at = loop.time()
            versions = {topic: self._hub.version(topic) for topic in sorted(follower.topics)}
            try:
                await line.socket.send_text(
                    json.dumps({"seed": self._hub.stamp().seed, "versions": versions})
                )
            except (WebSocketDisconnect, RuntimeError):  # RuntimeError: closed by us meanwhile
                return None

    async def _still_signed_in(self, line: _Line) -> bool:
        """Whether the session lives; what cannot be looked up now is asked again."""
        try:
            found = await run_in_threadpool(accounts.find_session, self._context(), line.token, touch=False)
            if found is not None:
                line.follower.topics = await run_in_threadpool(
                    topics.limit, self._context(), found.person.actor, line.follower.topics
                )
        except DatabaseUnavailable:
            line.follower.doubted = True
            return True
        return found is not None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a browser asks for: the topics of its page, drawn for the person with this id."""

    person_id: int
    topics: frozenset[str]


def _parse(text: str) -> _Wanted | None:
    """The message of a browser; None if it is not one of ours."""
    if len(text) > _LONGEST_MESSAGE:
        return None
    try:
        message = json.loads(text)
    except ValueError:
        return None
    if not isinstance(message, dict):
        return None
    person_id, follow = message.get("person"), message.get("follow")
    if not isinstance(person_id, int) or not isinstance(follow, list) or len(follow) > MOST_TOPICS:
        return None
    if not all(isinstance(topic, str) for topic in follow):
        return None
    return _Wanted(person_id, frozenset(follow))
