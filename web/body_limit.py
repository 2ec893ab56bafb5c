"""How much of a request is read into memory; what is larger is refused while it comes."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT_MB = 1
LIMIT = LIMIT_MB * 1_000_000
"""Bytes of a request that is no upload: the longest text that a route takes, several times."""

_KEY = "ulos.body"

_DIGITS = 18
"""Of an announced length that are read; more are too many in any case."""


class _Body:
    """What has come of one request, and whether its route counts for itself."""

    def __init__(self, declared: str) -> None:
        self.count = 0
        self.declared = int(declared[:_DIGITS]) if declared.isdecimal() else 0
        self.is_counted_elsewhere = False

    def check(self) -> None:
        """Refuse what is too large.

        Raises:
            HTTPException: 413. FastAPI lets no other error out of the reading of a body.

        """
        if max(self.count, self.declared) > LIMIT and not self.is_counted_elsewhere:
            raise HTTPException(413)


class BodyLimit:
    """ASGI middleware: every route has the limit, but those that call `count_for_itself`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what the route reads. Who reads nothing is refused nothing."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = scope[_KEY] = _Body(Headers(scope=scope).get("content-length", ""))

        async def counted() -> Message:
            body.check()
            message = await receive()
            body.count += len(message.get("body", b""))
            body.check()
            return message

        await self._app(scope, counted, send)


def count_for_itself(request: Request) -> None:
    """The route of `request` writes uploads to disk and minds a limit of its own."""
    body: _Body | None = request.scope.get(_KEY)
    if body is not None:
        body.is_counted_elsewhere = True
