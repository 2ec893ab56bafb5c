"""What the dashboard's own routes answer when something goes wrong, and at addresses that do not exist."""

from __future__ import annotations

import html
import logging
from typing import Any

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import ForeignOrigin, NoSuchAddress, UlosError
from dashboard import process
from dashboard.origin import hosts_of, same_origin
from web.problems import incident, problem_of
from web.statuses import headers_of, status_of

logger = logging.getLogger(__name__)


def check_origin(request: Request) -> None:
    """Refuse what no page of ours sends.

    Raises:
        ForeignOrigin: another site, or a proxy that changes Host without `ULOS_PUBLIC_URL`.

    """
    if not same_origin(request, process.settings()):
        origin = request.headers.get("origin", "?")[:200]
        raise ForeignOrigin(origin=origin, host=hosts_of(request, process.settings())[0])


def language_of(request: HTTPConnection) -> str:
    """Return the language of the person that a route has found, else the installation's."""
    return getattr(request.state, "language", None) or process.settings().language


def as_problem(request: Request, error: UlosError) -> Response:
    """Answer a script of ours."""
    return problem_of(error, language_of(request))


async def _expected(request: Request, error: Exception) -> Response:
    if not isinstance(error, UlosError):
        raise error
    return PlainTextResponse(error.sentence(language_of(request)), status_of(error), headers_of(error))


async def _unexpected(request: Request, error: Exception) -> Response:
    return incident(logger, request, error, language_of(request))


HANDLERS: dict[Any, Any] = {UlosError: _expected, Exception: _unexpected}
"""For links that people follow: a sentence as plain text. Scripts of ours get problem JSON."""


class _Nowhere(Convertor[str]):
    """Every path but those of Streamlit that its client needs here."""

    regex = (
        r"(?!(?:static|media|_stcore/bidi-components)/|(?:_stcore/(?:health|host-config)|favicon\.png)$).*"
    )

    def convert(self, value: str) -> str:
        """Return the path as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the path as it is."""
        return value


register_url_convertor("nowhere", _Nowhere())


def _nowhere(_: Request) -> Response:
    """Answer 404 where Streamlit would serve its own bare page, its metrics or its agent interface."""
    error = NoSuchAddress()
    language = process.settings().language
    sentence, start = html.escape(error.sentence(language)), {"es": "Ir al inicio", "en": "Go to the start"}
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><title>ULOS</title>'
        f'<p>{sentence}</p><p><a href="/">{start[language]}</a></p></html>',
        status_of(error),
    )


NOWHERE = Route("/{path:nowhere}", _nowhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
"""The last route before Streamlit's own."""
