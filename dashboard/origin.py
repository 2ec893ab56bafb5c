"""Whether a request comes from a page of ours, so that no other site acts with a person's cookie."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from core.config import Settings

_DEFAULT_PORTS = (("http", ":80"), ("https", ":443"))


def hosts_of(connection: HTTPConnection, settings: Settings) -> list[str]:
    """Return the hosts that are ours: the one that was asked, and the public one behind a proxy."""
    asked = connection.headers.get("host", "").lower()
    return [asked, *filter(None, [_host(settings.public_url)])]


def same_origin(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether the browser says that one of our own pages sent it; without a word it does not count."""
    origin = connection.headers.get("origin")
    return origin is not None and bool(_host(origin)) and _host(origin) in hosts_of(connection, settings)


def _host(url: str) -> str:
    """Return host and port of `url` as a browser writes them: without the scheme's own port."""
    address = urlsplit(url)
    netloc = address.netloc.lower()
    for scheme, port in _DEFAULT_PORTS:
        if address.scheme == scheme:
            netloc = netloc.removesuffix(port)
    return netloc


class OwnSocketsOnly:
    """ASGI middleware: a WebSocket opens for pages of ours only, Streamlit's own included.

    Streamlit compares Origin with Host and asks an address outside of this machine when they differ. It
    gets the public host as Host, as from a proxy that keeps it.
    """

    def __init__(self, app: ASGIApp, settings: Callable[[], Settings]) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            if not same_origin(HTTPConnection(scope), self._settings()):
                await receive()  # websocket.connect
                await send({"type": "websocket.close", "code": 1008})
                return
            scope = dict(scope, headers=list(scope["headers"]))
            MutableHeaders(scope=scope)["host"] = urlsplit(Headers(scope=scope)["origin"]).netloc
        await self._app(scope, receive, send)
