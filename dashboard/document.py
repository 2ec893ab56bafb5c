"""The HTML document of every page: Streamlit's own, told where its server is and whose browser this is."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dashboard import process
from dashboard.registry import SCREENS

NONCE_SECONDS = 24 * 3600

_BASE = "<script>window.__streamlit = { BACKEND_BASE_URL: window.location.origin }</script>"
"""Without it the client looks for its server below the path of the page first, which is an error in
the browser's console on every deep link."""

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "frame-ancestors 'self'; object-src 'none'; base-uri 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def _document(language: str) -> str:
    source = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    for old, new in (
        ('<html lang="en">', f'<html lang="{language}">'),
        ("<head>", f"<head>{_BASE}"),
        ("<title>Streamlit</title>", "<title>ULOS</title>"),
    ):
        if source.count(old) != 1:
            raise RuntimeError(f"Streamlit's index.html has changed: {old} is not there once")
        source = source.replace(old, new)
    return source


def page(request: Request) -> Response:
    """The document, and for a browser that has none the nonce that ties a sign-in to it (no login CSRF)."""
    response = HTMLResponse(_document(process.settings().language), headers=_HEADERS)
    if process.NONCE_COOKIE not in request.cookies:
        response.set_cookie(
            process.NONCE_COOKIE,
            secrets.token_urlsafe(24),
            max_age=NONCE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=process.settings().cookie_secure,
        )
    return response


ROUTES = [Route("/", page), *(Route(f"/{screen.path}", page) for screen in SCREENS)]
"""The first page and every screen; any other path is Streamlit's to answer."""
