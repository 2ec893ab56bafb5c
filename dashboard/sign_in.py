"""The sign-in form: a right password buys a ticket, the browser trades it for its cookie."""

from __future__ import annotations

import streamlit as st

from core.services import accounts
from dashboard import i18n, process, shell

_ = i18n.gettext


def show() -> None:
    """Draw the form and act on it."""
    left, middle, right = st.columns([1, 2, 1])
    del left, right
    with middle:
        st.title("ULOS")
        st.caption("Uniandes Lab Orchestration System")
        language = st.segmented_control(
            "Idioma / Language",
            list(i18n.LANGUAGES),
            format_func=i18n.LANGUAGES.__getitem__,
            key="sign-in-language",
            default=i18n.language(),
        )
        if language and language != i18n.language():
            st.session_state["language"] = language
            st.rerun()
        with st.form("sign-in"):
            email = st.text_input(_("E-mail"), key="sign-in-email", autocomplete="username")
            password = st.text_input(
                _("Password"), type="password", key="sign-in-password", autocomplete="current-password"
            )
            pressed = st.form_submit_button(_("Sign in"), type="primary", width="stretch")
        if pressed:
            with shell.errors():
                _enter(email, password)


def _enter(email: str, password: str) -> None:
    from dashboard.app import post  # noqa: PLC0415  the entry script imports this module

    ctx = process.context()
    person = accounts.sign_in(ctx, email=email, password=password, address=st.context.ip_address or "local")
    nonce = st.context.cookies.get(process.NONCE_COOKIE, "")
    ticket = accounts.open_ticket(ctx, person.id, nonce=nonce)
    post("/session/start", {"ticket": ticket, "next": _wanted()})


def _wanted() -> str:
    """The path and filters that the person came for."""
    url = st.context.url or "/"
    return "/" + url.split("//", 1)[-1].partition("/")[2]
