"""Fields of a form object that survive while they are not drawn; their names in errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import UlosError


def seed(key: str, value: object) -> str:
    """`key`, whose widget starts with `value` when it was not drawn in the last run."""
    if key not in st.session_state:
        st.session_state[key] = value
    return key


@contextmanager
def named(name_of: Callable[[str], str]) -> Iterator[None]:
    """Let errors inside call their field as the screen does: `name_of` answers for its programs' name."""
    try:
        yield
    except UlosError as error:
        field = error.values.get("field")
        if isinstance(field, str) and type(error).__init__ is UlosError.__init__:
            raise type(error)(**(error.values | {"field": name_of(field)})) from error
        raise
