"""What the browser is asked to do itself."""

from __future__ import annotations

import json

import streamlit as st


def post(path: str, fields: dict[str, str]) -> None:
    """Let the browser send a form to a route of ours and follow where it leads."""
    st.html(
        "<script>(() => { const form = document.createElement('form'); form.method = 'post';"
        f"form.action = {_literal(path)};"
        f"for (const [name, value] of Object.entries({_literal(fields)})) {{"
        "const field = document.createElement('input'); field.type = 'hidden';"
        "field.name = name; field.value = value; form.append(field); }"
        "document.body.append(form); form.submit(); })();</script>",
        unsafe_allow_javascript=True,
    )


def speak(language: str) -> None:
    """Tell the browser, and with it screen readers, what language the page is in (WCAG 3.1.1)."""
    st.html(f"<script>window.ulosSpeak({_literal(language)});</script>", unsafe_allow_javascript=True)


def _literal(value: object) -> str:
    """`value` as JavaScript that no `</script>` inside of it can end."""
    return json.dumps(value).replace("<", "\\u003c")
