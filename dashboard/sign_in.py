"""The sign-in form: a right password buys a ticket, the browser trades it for its cookie.

The form and the check of the password are streamlit-authenticator's. Who there is, how often may be
tried, and the session that follows are ours (docs/decisions/0002-sessions.md).
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any
from urllib.parse import urlencode

import streamlit as st
import streamlit_authenticator as stauth
from streamlit_authenticator.controllers import AuthenticationController

from core.services import accounts
from core.services.accounts import Attempt, Person
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


class _Asked(MutableMapping[str, dict[str, Any]]):
    """The users of the package's form: whoever it asks for, looked up once, with our limits.

    Unknown people have nobody's hash, so the form cannot tell them from wrong passwords.
    """

    def __init__(self) -> None:
        self.attempt: Attempt | None = None
        self._users: dict[str, dict[str, Any]] = {}

    def __getitem__(self, email: str) -> dict[str, Any]:
        if email not in self._users:
            self.attempt = accounts.begin_sign_in(process.context(), email=email, address=entrance.address())
            self._users[email] = {"password": self.attempt.password_hash, "email": email, "name": email}
        return self._users[email]

    def __contains__(self, email: object) -> bool:
        return True

    def __setitem__(self, email: str, user: dict[str, Any]) -> None:
        self._users[email] = user

    def __delitem__(self, email: str) -> None:
        del self._users[email]

    def __iter__(self) -> Iterator[str]:
        return iter(self._users)

    def __len__(self) -> int:
        return len(self._users)


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
    """The package's form over the people of `users`, without its cookie."""

    def __init__(self, users: MutableMapping[str, dict[str, Any]]) -> None:
        self.path = None
        self.attrs = {"login_sleep_time": 0}  # a pause would lose the address that the person came for
        self.cookie_controller = _NoCookie()
        self.authentication_controller = AuthenticationController({"usernames": {}}, auto_hash=False)
        self.authentication_controller.authentication_model.credentials["usernames"] = users


def _ask() -> Person | None:
    """Show the package's form; the person once their password was right.

    Raises:
        WrongCredentials, TooManyAttempts: it was not, or too often.

    """
    asked = _Asked()
    _Form(asked).login(
        fields={
            "Form name": _("Your account"),
            "Username": _("E-mail"),
            "Password": _("Password"),
            "Login": _("Sign in"),
        },
        key="sign-in",
    )
    matches = st.session_state["authentication_status"] is True
    st.session_state["authentication_status"] = None  # the cookie decides who is signed in, not this
    if asked.attempt is None:
        return None
    return accounts.settle_sign_in(process.context(), asked.attempt, matches=matches)


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
