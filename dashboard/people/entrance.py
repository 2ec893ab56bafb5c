"""What a person who cannot sign in yet needs: an account, or a link to set a password."""

from __future__ import annotations

import streamlit as st

from core.errors import NoMail
from core.services import accounts
from core.services.accounts import Person
from dashboard import i18n, process

_ = i18n.gettext


def address() -> str:
    """Where the visitor comes from, for the limits; the machine itself has no address here."""
    return st.context.ip_address or "local"


def choose_door() -> str:
    """Which form is open: `sign-in`, `forgot` or `register`."""
    return str(st.session_state.get("door", "sign-in"))


def doors(current: str) -> None:
    """The ways to the other forms."""
    labels = {
        "sign-in": _("Back to sign in"),
        "forgot": _("Forgot my password"),
        "register": _("Create an account"),
    }
    settings = process.settings()
    closed = set() if settings.sends_mail or settings.registers_without_mail else {"register"}
    others = [door for door in labels if door != current and door not in closed]
    with st.container(horizontal=True):
        for door in others:
            st.button(labels[door], key=f"door-{door}", type="tertiary", on_click=_open, args=(door,))


def _open(door: str) -> None:
    st.session_state["door"] = door


def ask_for_link() -> None:
    """Send a link to set a password. The answer is the same for every address."""
    st.subheader(_("Forgot my password"))
    if not process.settings().sends_mail:
        st.info(NoMail().sentence(i18n.language()))
        return
    st.write(_("We send you a link to set a new one. It works once, for an hour."))
    with st.form("forgot"):
        email = st.text_input(_("E-mail"), key="forgot-email", autocomplete="email")
        pressed = st.form_submit_button(_("Send me a link"), type="primary")
    if pressed:
        accounts.request_reset(process.context(), email=email, address=address())
        st.success(_("If there is an account with that e-mail, a link is on its way. Look in your spam too."))


def register() -> Person | None:
    """Draw the form of a new account; return its person where it is made at once.

    Raises:
        Rejected: the address, the name or the password will not do.

    """
    domains = ", ".join(process.settings().allowed_email_domains)
    st.subheader(_("Create an account"))
    st.write(_("For e-mails of {domains}.").format(domains=domains))
    if not process.settings().sends_mail:
        st.write(_("Courses open once your e-mail is confirmed: your professor gets a link for you."))
    with st.form("register"):
        email = st.text_input(_("E-mail"), key="register-email", autocomplete="email")
        name = st.text_input(_("Full name"), key="register-name", autocomplete="name")
        if process.settings().sends_mail:
            _register_by_mail(email, name)
            return None
        password = st.text_input(
            _("Password"), type="password", key="register-password", autocomplete="new-password"
        )
        again = st.text_input(
            _("The same password again"), type="password", key="register-again", autocomplete="new-password"
        )
        st.caption(password_rule())
        pressed = st.form_submit_button(_("Create an account"), type="primary")
    if not pressed or not same(password, again):
        return None
    made = accounts.register(
        process.context(), email=email, password=password, full_name=name, address=address()
    )
    return made.person


def _register_by_mail(email: str, name: str) -> None:
    """Ask for the mail whose link makes the account. The answer is the same for every address."""
    st.caption(_("We send you a link. With it you choose your password; it works once, for a day."))
    if st.form_submit_button(_("Send me a link"), type="primary"):
        accounts.request_account(process.context(), email=email, full_name=name, address=address())
        st.success(_("A link is on its way. Look in your spam too."))


def same(password: str, again: str) -> bool:
    """Whether both fields hold the same; says so where they do not."""
    if password != again:
        st.error(_("The two passwords are not the same. Write them again."))
    return password == again


def password_rule() -> str:
    """What a password must be, before it is asked for."""
    return _("At least 12 characters and not easy to guess; four words that do not go together do well.")
