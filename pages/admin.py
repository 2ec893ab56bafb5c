"""For admins: people, courses, tokens of orchestrators, settings in force, state of the components."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import i18n, shell
from dashboard.people import callback_tokens, everybody, installation

_ = i18n.gettext
visit = shell.enter()

SECTIONS: dict[str, tuple[Callable[[], str], Callable[[shell.Visit], None]]] = {
    "people": (lambda: _("People"), everybody.people),
    "courses": (lambda: _("Courses"), everybody.courses_of_all),
    "tokens": (lambda: _("Callback tokens"), callback_tokens.show),
    "components": (lambda: _("Components"), installation.components),
    "settings": (lambda: _("Settings"), installation.settings),
}

st.title(_("Administration"))
asked = st.query_params.get("section", "people")
chosen = st.segmented_control(
    _("Section"),
    list(SECTIONS),
    default=asked if asked in SECTIONS else "people",
    format_func=lambda name: SECTIONS[name][0](),
    key="section",
    required=True,
)
section = chosen or "people"
st.query_params["section"] = section  # bound, the address would hold the translated word
with shell.errors():
    SECTIONS[section][1](visit)
