"""What the browser is asked to do itself.

By a component rather than a script in the page: the Content-Security-Policy allows no inline scripts.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "ulos_browser", js=(Path(__file__).parent / "browser.js").read_text(encoding="utf-8")
)


def post(path: str, fields: dict[str, str]) -> None:
    """Let the browser send a form to a route of ours and follow where it leads."""
    _component(key="browser-post", data={"path": path, "fields": fields, "once": secrets.token_hex(8)})


def reload() -> None:
    """Let the browser load the page again: widgets keep labels of the language in which they were chosen."""
    _component(key="browser-reload", data={"reload": True, "once": secrets.token_hex(8)})


def speak(language: str) -> None:
    """Tell the browser, and with it screen readers, what language the page is in (WCAG 3.1.1)."""
    with st.container(gap=None):
        _component(key="browser-language", data={"language": language})
