"""The HTML document of every page: Streamlit's own, told where its server is and whose browser this is."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from functools import cache
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dashboard import process
from dashboard.origin import hosts_of
from dashboard.registry import LINK_SCREEN, SCREENS

NONCE_SECONDS = 24 * 3600

_HERE = Path(__file__).parent
_STYLES_OF_THE_CLIENT = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",  # empty: filled rule by rule, without markup
    "'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='",  # react-aria: how buttons take touches
    "'sha256-2GF9hCGTDj/GGFNlQA54jDdMGl2fvoeZmZjAvBSiAtM='",  # Plotly: its maps, which it adds to any chart
)
"""Style elements that Streamlit's client adds by itself. Walks in the browser fail when it adds others."""


@cache
def _document(language: str) -> str:
    """Return the document without what differs by request: `@HOSTS@` and `@PATH@` stand for it."""
    source = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    script = (_HERE / "document.js").read_text(encoding="utf-8")
    style = (_HERE / "document.css").read_text(encoding="utf-8")
    for old, new in (
        ('<html lang="en">', f'<html lang="{language}" data-hosts="@HOSTS@" data-path="@PATH@">'),
        ("<head>", f"<head><script>{script}</script>"),
        ("</head>", f"<style>{style}</style></head>"),
        ("<title>Streamlit</title>", "<title>ULOS</title>"),
        ('    <link rel="service-desc" href="./_stcore/agent/openapi.json" />\n', ""),
    ):
        if source.count(old) != 1:
            raise RuntimeError(f"Streamlit's index.html has changed: {old} is not there once")
        source = source.replace(old, new)
    return source


@cache
def policy() -> str:
    """Return the Content-Security-Policy of every page (docs/decisions/0024).

    No request leaves for elsewhere, whatever a statement or a name holds. Inline scripts and styles are
    allowed by their hashes only, and nothing is compiled from text. `blob:` is how Streamlit's client loads
    the scripts of components.
    """
    source = _document("es")
    scripts = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
    styles += [
        path.read_text(encoding="utf-8").strip() for path in sorted(_HERE.rglob("*.css"))
    ]  # components
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' blob: {_hashes(scripts)}",
            f"style-src 'self' {_hashes(styles)} {' '.join(_STYLES_OF_THE_CLIENT)}",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "media-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hashes(texts: list[str]) -> str:
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def page(request: Request) -> Response:
    """The document, and for a browser that has none the nonce that ties a sign-in to it (no login CSRF)."""
    text = _document(process.settings().language)
    text = text.replace("@HOSTS@", html.escape(" ".join(hosts_of(request, process.settings()))), 1)
    text = text.replace("@PATH@", html.escape(request.url.path), 1)
    headers = {"Content-Security-Policy": policy(), "Cache-Control": "no-cache"}
    response = HTMLResponse(text, headers=headers)
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
"""The first page and every screen."""
