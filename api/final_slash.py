"""One address for each route: a final slash changes nothing, and no answer is a redirect."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class FinalSlash:
    """ASGI middleware that takes final slashes off the path before any route sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its plain path."""
        path = scope.get("path", "")
        if path.endswith("/") and path != "/":
            raw = scope.get("raw_path")
            scope = dict(scope, path=path.rstrip("/") or "/")
            if raw:
                scope["raw_path"] = raw.rstrip(b"/") or b"/"
        await self._app(scope, receive, send)
