"""Fields of a form object that survive while they are not drawn; their names in errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import UlosError
from dashboard import i18n

_ = i18n.gettext


_INTERNAL = re.compile(r"[a-z0-9]+([_.-][a-z0-9]+)*")
"""How programs name a field: one word, or words that are joined."""


def seed(key: str, value: object) -> str:
    """`key`, whose widget starts with `value` when it was not drawn in the last run."""
    if key not in st.session_state:
        st.session_state[key] = value
    return key


def names() -> dict[str, str]:
    """Field as programs call it → what people call it."""
    return {
        "assignment_description": _("Description"),
        "assignment_end_date": _("Due date"),
        "assignment_name": _("Name"),
        "assignment_start_date": _("Start date"),
        "body": _("Request"),
        "course_name": _("Name of the course"),
        "definition_description": _("Description"),
        "definition_name": _("Name"),
        "due_at": _("Until"),
        "email": _("Email"),
        "file": _("File"),
        "filter": _("Filter"),
        "filters": _("Filters"),
        "full_name": _("Name"),
        "language": _("Language"),
        "late_policy": _("Late work"),
        "log_message": _("Message"),
        "name": _("Name"),
        "note": _("Note"),
        "password": _("Password"),
        "path": _("Address"),
        "reason": _("Reason"),
        "receipt": _("Receipt"),
        "scopes": _("What it may do"),
        "sheets": _("Sheets"),
        "stage": _("Stage"),
        "stages": _("Stages"),
        "students": _("Students"),
        "task_definition_id": _("Definition"),
        "timezone": _("Time zone"),
        "url": _("Address"),
        "views": _("Saved views"),
    }


def sentence(error: UlosError) -> str:
    """Return, as Markdown, what `error` says, with its field as people call it, never as programs do."""
    field = error.values.get("field")
    if not isinstance(field, str) or not _INTERNAL.fullmatch(field):
        return error.sentence(i18n.language(), i18n.plain)
    shown = names().get(field, _("A field"))
    quoted = f"«{shown}»" if i18n.language() == "es" else f"“{shown}”"
    return type(error)(**(error.values | {"field": quoted})).sentence(i18n.language(), i18n.plain)


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
