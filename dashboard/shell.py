"""What every page begins with: who is there, in which course; and errors as banners."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import streamlit as st

from core import logs
from core.context import Actor, Context
from core.errors import NotSignedIn, UlosError
from core.services import accounts, courses
from core.services.accounts import Person
from core.services.courses import CourseSummary
from core.vocabulary import Role
from dashboard import fields, i18n, process

_ = i18n.gettext

_LOOKED = "looked-up"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in person on a page, with the course that they chose (None: they have none)."""

    ctx: Context
    actor: Actor
    person: Person
    courses: tuple[CourseSummary, ...]
    course: CourseSummary | None

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which times are shown: the person's own choice, else the course's."""
        return ZoneInfo(self.person.timezone) if self.person.timezone else self.course_zone

    @property
    def course_zone(self) -> ZoneInfo:
        """The zone in which dates of the course are meant and entered."""
        return ZoneInfo(self.course.timezone if self.course else self.ctx.settings.timezone)

    @property
    def role(self) -> Role | None:
        """The role in the chosen course."""
        return self.course.role if self.course else None


def find_visitor() -> Person | None:
    """Who is signed in with this browser, looked up afresh: a session that ended, ended."""
    token = st.context.cookies.get(process.SESSION_COOKIE, "")
    session = accounts.find_session(process.context(), token) if token else None
    return session.person if session else None


def find_session_id() -> int | None:
    """The session of this browser, for what ends all others."""
    session = accounts.find_session(process.context(), st.context.cookies.get(process.SESSION_COOKIE, ""))
    return session.session_id if session else None


@contextmanager
def looking_once() -> Iterator[None]:
    """Within this block, the run of a whole page, the visitor is looked up once; parts look by themselves."""
    logs.bind_request_id(logs.new_request_id())
    st.session_state[_LOOKED] = {}
    try:
        yield
    finally:
        st.session_state.pop(_LOOKED, None)


def find_once() -> Person | None:
    """As `find_visitor`, once for the whole block of `looking_once`."""
    kept = st.session_state.get(_LOOKED, {})
    if "person" not in kept:
        kept["person"] = find_visitor()
    person: Person | None = kept["person"]
    return person


def enter() -> Visit:
    """The first line of each page and fragment: who is there. Ends the run for who is not."""
    if logs.find_request_id() is None:  # the run of a fragment does not pass `looking_once`
        logs.bind_request_id(logs.new_request_id())
    person = find_once()
    if person is None:
        st.error(NotSignedIn().sentence(i18n.language()))
        st.stop()
    kept = st.session_state.get(_LOOKED, {})
    if "courses" not in kept:
        kept["courses"] = tuple(courses.list_my_courses(process.context(), person.actor))
    mine = kept["courses"]
    chosen = st.session_state.get("course")
    course = next((course for course in mine if course.id == chosen), mine[0] if mine else None)
    return Visit(process.context(), person.actor, person, mine, course)


@contextmanager
def errors() -> Iterator[None]:
    """Show what goes wrong inside as a banner: expected errors in words, bugs by their number.

    `st.stop()` and `st.rerun()` pass: what they raise is no `Exception`.
    """
    try:
        yield
    except UlosError as error:
        st.error(fields.sentence(error))
    except Exception as error:  # noqa: BLE001  a bug: logged, and shown by its number
        incident = logs.log_incident(logger, st.context.url or "a page", error)
        st.error(_("Something went wrong on our side. Tell us this number:") + f" {incident}")


def form_key(name: str) -> str:
    """The idempotency key of a form: pressed twice, it acts once."""
    return str(st.session_state.setdefault(f"form-key-{name}", secrets.token_hex(16)))


def renew_form_key(name: str) -> None:
    """What comes next in this form is something new."""
    st.session_state[f"form-key-{name}"] = secrets.token_hex(16)


def download_url(kind: str, number: int, part: int = 0) -> str:
    """Address of an `original` or `results` (task, attempt), `image` (definition, position), `statement`."""
    return f"/files/{kind}/{number}/{part}"
