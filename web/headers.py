"""ASGI middleware that puts the security headers on every answer, errors and refusals included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.config import Settings

FIXED: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": "no-store",
    }
)
"""Set where an answer does not say otherwise. Answers are private unless they say that they are not."""

_RAW = [(name.lower().encode(), value.encode()) for name, value in FIXED.items()]


class SecurityHeaders:
    """The outermost layer of a server.

    An answer that is a page brings its own Content-Security-Policy. A WebSocket that is
    refused before its handshake is answered here, so that the refusal has the headers too.
    """

    def __init__(self, app: ASGIApp, settings: Callable[[], Settings]) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        can_refuse = "websocket.http.response" in scope.get("extensions", {})
        is_open = False

        async def answer(message: Message) -> None:
            nonlocal is_open
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                self._add_to(message)
            is_open = is_open or message["type"] == "websocket.accept"
            if message["type"] == "websocket.close" and not is_open and can_refuse:
                refusal: Message = {"type": "websocket.http.response.start", "status": 403, "headers": []}
                self._add_to(refusal)
                await send(refusal)
                await send({"type": "websocket.http.response.body", "body": b""})
                return
            await send(message)

        await self._app(scope, receive, answer)

    def _add_to(self, message: Message) -> None:
        found = {name for name, _ in message["headers"]}
        missing = [pair for pair in _RAW if pair[0] not in found]
        seconds = self._settings().hsts_seconds
        if seconds:
            missing.append((b"strict-transport-security", f"max-age={seconds}".encode()))
        message["headers"] = [*message["headers"], *missing]
