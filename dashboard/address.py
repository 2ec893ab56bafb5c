"""Choices that live in the URL by their own short names, whatever language the reader has.

Streamlit's own binding writes the label that is shown, so that a link from somebody who reads
Spanish would say nothing to somebody who reads English.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import streamlit as st


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


def put(key: str, value: str, default: str = "") -> None:
    """Write `value` into the URL, or nothing where it is the `default`."""
    if value == default:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = value
    st.session_state[f"{key}-in-url"] = value
