"""The sign-in form: a right password buys a ticket, the browser trades it for its cookie.

The form is streamlit-authenticator's. Who there is, whether a password is right, how often may be tried,
and the session that follows are ours (docs/decisions/0002-sessions.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from urllib.parse import urlencode

import streamlit as st
import streamlit_authenticator as stauth
from streamlit_authenticator.controllers import AuthenticationController

from core.services import accounts
from core.services.accounts import Person
from dashboard import browser, i18n, process, shell
from dashboard.people import entrance

_ = i18n.gettext

_CHOSEN = "language-chosen"


def show() -> None:
    """Draw the form and act on it."""
    left, middle, right = st.columns([1, 2, 1])
    del left, right
    with middle:
        st.title("ULOS")
        st.caption("Uniandes Lab Orchestration System")
        _choose_language()
        door = entrance.choose_door()
        with shell.errors():
            person = _at(door)
            if person is not None:
                _enter(person)
        entrance.doors(door)


def _at(door: str) -> Person | None:
    if door == "register":
        return entrance.register()
    if door == "forgot":
        entrance.ask_for_link()
        return None
    return _ask()


def _choose_language() -> None:
    chosen = st.segmented_control(
        "Idioma / Language",
        list(i18n.LANGUAGES),
        format_func=i18n.LANGUAGES.__getitem__,
        key="sign-in-language",
        default=i18n.language(),
    )
    if chosen and chosen != i18n.language():
        st.session_state["language"] = st.session_state[_CHOSEN] = chosen
        st.rerun()


class _Check:
    """What the package's form asks whether a password is right. Raises what `accounts.sign_in` raises."""

    def __init__(self) -> None:
        self.person: Person | None = None

    def __call__(self, email: str, password: str) -> bool:
        self.person = accounts.sign_in(
            process.context(),
            email=email,
            password=password,
            address=entrance.address(),
            device=st.context.cookies.get(process.DEVICE_COOKIE, ""),
        )
        return True


class _NoCookie:
    """In place of the package's cookie, which scripts can read and which outlives signing out.

    Its component, too, is left out: it draws the page again at the moment that the browser has mounted
    it, and a click of that moment would be lost.
    """

    def get_cookie(self) -> None:
        return None

    def set_cookie(self) -> None:
        return None


class _Form(stauth.Authenticate):  # type: ignore[misc]  # it ships no types
    """The package's form, with `check` in place of its users and without its cookie."""

    def __init__(self, check: Callable[[str, str], bool]) -> None:
        self.path = None
        self.attrs = {"login_sleep_time": 0}  # a pause would lose the address that the person came for
        self.cookie_controller = _NoCookie()
        self.authentication_controller = AuthenticationController({"usernames": {}}, auto_hash=False)
        model = self.authentication_controller.authentication_model
        model.credentials["usernames"] = defaultdict(lambda: {"name": ""})
        model.check_credentials = check


def _ask() -> Person | None:
    """Show the package's form; return the person once their password was right.

    Raises:
        WrongCredentials, SlowDown: it was not, or too often.

    """
    check = _Check()
    _Form(check).login(
        fields={
            "Form name": _("Your account"),
            "Username": _("E-mail"),
            "Password": _("Password"),
            "Login": _("Sign in"),
        },
        key="sign-in",
    )
    st.session_state["authentication_status"] = None  # the cookie decides who is signed in, not this
    return check.person


def _enter(person: Person) -> None:
    language = st.session_state.get(_CHOSEN)
    if language is not None:  # who chose one at the door wants it inside too
        accounts.set_language(process.context(), person.actor, language)
    nonce = st.context.cookies.get(process.NONCE_COOKIE, "")
    ticket = accounts.open_ticket(process.context(), person.id, nonce=nonce)
    browser.post("/session/start", {"ticket": ticket, "next": _wanted()})


def _wanted() -> str:
    """The path and filters that the person came for."""
    path = (st.context.url or "/").split("//", 1)[-1].partition("/")[2].partition("?")[0]
    query = urlencode(st.query_params.to_dict())
    return f"/{path}?{query}" if query else f"/{path}"
