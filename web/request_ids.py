"""ASGI middleware that gives each request an id, for the logs of every process that works for it."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from core.logs import REQUEST_ID, new_request_id

HEADER = "X-Request-ID"

_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What is taken over from a caller: it ends up in logs, where a line break would forge a line."""


class RequestIds:
    """Take over the caller's `X-Request-ID` or make one, bind it to the context, and answer with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _SAFE.fullmatch(given) else new_request_id()

        async def answer(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with bound_contextvars(**{REQUEST_ID: request_id}):
            await self._app(scope, receive, answer)
