"""Choices that live in the URL by their own short names, whatever language the reader has.

Streamlit's own binding writes the label that is shown, so that a link from somebody who reads
Spanish would say nothing to somebody who reads English.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import streamlit as st

from core.context import Actor, Context
from core.errors import NotFound
from core.services import assignments
from dashboard import i18n

_ = i18n.gettext
_DIGITS = 19
"""Digits of a number that a row may have."""


def bound(key: str, options: Collection[str], default: str) -> Callable[[], None]:
    """Give the widget `key` the URL's value before it is drawn; what it must call when it changes.

    A value that is none of the `options` counts as `default`, which is left out of the URL.
    """
    seen, now = f"{key}-in-url", st.query_params.get(key, default)
    if key not in st.session_state or st.session_state.get(seen) != now:
        st.session_state[key] = now if now in options else default
    elif st.session_state[key] not in options:
        st.session_state[key] = default
    st.session_state[seen] = now

    def write() -> None:
        put(key, str(st.session_state[key]), default)

    return write


def bound_text(key: str, limit: int) -> Callable[[], None]:
    """As `bound`, for a field of free text of at most `limit` characters that is empty by default."""
    seen, now = f"{key}-in-url", st.query_params.get(key, "")[:limit]
    if key not in st.session_state or st.session_state.get(seen) != now:
        st.session_state[key] = now
    st.session_state[seen] = now

    def write() -> None:
        put(key, str(st.session_state[key] or "").strip())

    return write


def take_course(ctx: Context, actor: Actor, names: Mapping[int, str]) -> None:
    """Choose the course that the address names, or the one of its assignment; `names` are the reader's.

    Without either, the course stays that was chosen before: links of the menu carry none.
    """
    named, seen = _number("course"), st.session_state.get("course-in-url")
    if named is None and (assignment := _number("assignment")) is not None:
        named = _course_of(ctx, actor, assignment)
    if named in names and str(named) != seen:
        st.session_state["course"] = named
    elif named is not None and named not in names:
        st.warning(_("You are not in the course of this link. You see another one of yours."))
    if st.session_state.get("course") not in names:
        st.session_state["course"] = next(iter(names))


def _course_of(ctx: Context, actor: Actor, assignment_id: int) -> int | None:
    try:
        return assignments.get_assignment(ctx, actor, assignment_id).course_id
    except NotFound:
        return None


def _number(key: str) -> int | None:
    text = st.query_params.get(key, "")
    return int(text) if text.isdecimal() and len(text) < _DIGITS else None


def put(key: str, value: str, default: str = "") -> None:
    """Write `value` into the URL, or nothing where it is the `default`."""
    if value == default:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = value
    st.session_state[f"{key}-in-url"] = value
