"""The HTML document of every page: Streamlit's own, told where its server is and whose browser this is."""

from __future__ import annotations

import json
import secrets
from functools import cache
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dashboard import process
from dashboard.registry import LINK_SCREEN, SCREENS

NONCE_SECONDS = 24 * 3600

_BASE = "<script>window.__streamlit = { BACKEND_BASE_URL: window.location.origin }</script>"
"""Without it the client looks for its server below the path of the page first, which is an error in
the browser's console on every deep link."""

SKIP_TEXTS = {"es": "Saltar al contenido", "en": "Skip to the content"}
"""By language; the page may turn out to be in another one than the installation's (see `browser.speak`)."""

_SKIP = (
    "<style>#skip{position:fixed;left:-999px;top:0;z-index:1000000;padding:.6rem 1rem;"
    "background:#005A8C;color:#fff;font-family:sans-serif}#skip:focus{left:0}</style>"
    '<a id="skip" href="#skip"></a>'
    "<script>document.getElementById('skip').addEventListener('click', event => {"
    "event.preventDefault(); const main = document.querySelector('[data-testid=stMain]');"
    "if (main) { main.tabIndex = -1; main.focus(); } });"
    f"(window.ulosSpeak = language => {{ const texts = {json.dumps(SKIP_TEXTS)};"
    "document.documentElement.lang = language;"
    "document.getElementById('skip').textContent = texts[language]; })"
    "(document.documentElement.lang);</script>"
)
"""The first stop of the tab key leads past the menu (WCAG 2.4.1), and `ulosSpeak(language)` says what
language the page is in: Streamlit offers neither."""

_REACH = (
    "<script>{ let due; const reach = () => { due = undefined;"
    "for (const text of document.querySelectorAll('[data-testid=stCode] pre')) {"
    "const scrolls = text.scrollHeight > text.clientHeight || text.scrollWidth > text.clientWidth;"
    "if (scrolls) text.tabIndex = 0; else text.removeAttribute('tabindex'); } };"
    "new MutationObserver(() => due ??= requestAnimationFrame(reach))"
    ".observe(document, {childList: true, subtree: true, attributes: true, attributeFilter: ['open']}) }"
    "</script>"
)
"""Text that scrolls within its frame, such as a log, can be scrolled by keyboard (WCAG 2.1.1): Streamlit's
code blocks take no focus."""

_LOOK = (
    "<style>"
    "#root [data-testid^=stBaseButton-primary]{color:light-dark(#fff,#0F1113)}"
    "#root [data-testid^=stBaseButton-primary] p{color:inherit}"
    "#root [data-tag],#root [data-tag] *{color:light-dark(#fff,#0F1113)}"
    "#root [data-testid=stCaptionContainer] :is(a,code){color:inherit}"
    "#root [data-testid=stMainBlockContainer]{padding-top:3.75rem}"
    "</style>"
)
"""What no theme option says: dark letters on the light buttons and tags of the dark theme (contrast 8.6
instead of 2.2); links and code as dark as the caption they stand in, which fades their own colour to a
contrast of 3; and less emptiness above each page's title, which on a phone was a sixth of the screen."""

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
        "frame-ancestors 'self'; object-src 'none'; base-uri 'self'; form-action 'self'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""No request leaves for elsewhere, whatever a statement or a name holds. Streamlit's client has scripts
and styles inside of its pages and compiles its charts."""


@cache
def _document(language: str) -> str:
    source = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    for old, new in (
        ('<html lang="en">', f'<html lang="{language}">'),
        ("<head>", f"<head>{_BASE}"),
        ("</head>", f"{_LOOK}</head>"),
        ("<title>Streamlit</title>", "<title>ULOS</title>"),
        ('<div id="root"></div>', _SKIP + _REACH + '<div id="root"></div>'),
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


ROUTES = [
    Route("/", page),
    Route(f"/{LINK_SCREEN}", page),
    *(Route(f"/{screen.path}", page) for screen in SCREENS),
]
"""The first page and every screen; any other path is Streamlit's to answer."""
