"""Set a password with a one-time link, signed in or not."""

from __future__ import annotations

import streamlit as st

from core.errors import LinkExpired
from core.services import accounts
from core.services.accounts import LinkView
from core.vocabulary import LinkPurpose
from dashboard import browser, i18n, process, shell
from dashboard.people import entrance

_ = i18n.gettext


def show() -> None:
    """Draw the form and act on it. The token is in a cookie (see `dashboard.link`)."""
    left, middle, right = st.columns([1, 2, 1])
    del left, right
    with middle, shell.errors():
        st.title(_("Set a password"))
        token = st.context.cookies.get(process.LINK_COOKIE, "")
        link = _find(token)
        if link is None:
            _explain()
        else:
            _form(token, link)


def _find(token: str) -> LinkView | None:
    try:
        return accounts.find_link(process.context(), token)
    except LinkExpired:
        return None


def _explain() -> None:
    st.warning(LinkExpired().sentence(i18n.language()))
    st.write(
        _(
            "A link works once: for a week when you were invited, for a day when you registered, for an hour "
            "when you forgot your password. "
            "If you have set your password already, sign in with it."
        )
    )
    if process.settings().sends_mail:
        st.write(_("For another link go to the sign-in screen and choose “Forgot my password”."))
    else:
        st.write(_("Ask your professor or an administrator for another link."))
    st.link_button(_("Go to the sign-in screen"), "/", type="primary")


def _form(token: str, link: LinkView) -> None:
    invited = link.purpose is not LinkPurpose.RESET
    welcome = _("Welcome. Choose the password of your account.") if invited else _("Choose a new password.")
    st.write(f"{welcome} **{i18n.plain(link.full_name or link.email)}**")
    if not invited:
        st.caption(_("Wherever you are signed in, you will be signed out."))
    with st.form("set-password"):
        st.text_input(_("E-mail"), link.email, disabled=True, key="set-email", autocomplete="username")
        new = st.text_input(_("New password"), type="password", key="set-new", autocomplete="new-password")
        again = st.text_input(
            _("The same password again"), type="password", key="set-again", autocomplete="new-password"
        )
        st.caption(entrance.password_rule())
        pressed = st.form_submit_button(_("Set the password and sign in"), type="primary")
    if pressed and entrance.same(new, again):
        person = accounts.set_password(process.context(), token=token, password=new)
        nonce = st.context.cookies.get(process.NONCE_COOKIE, "")
        ticket = accounts.open_ticket(process.context(), person.id, nonce=nonce)
        browser.post("/session/start", {"ticket": ticket, "next": "/"})
