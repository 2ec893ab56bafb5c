"""Opening a course; whoever opens it teaches it."""

from __future__ import annotations

from zoneinfo import available_timezones

import streamlit as st

from core.services import courses
from dashboard import i18n
from dashboard.shell import Visit

_ = i18n.gettext


def zones() -> list[str]:
    """Every zone of the IANA database that has a place in its name, and UTC."""
    return sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def courses_made() -> int:
    """How many courses this session has created: each form has its own key, so that the next is empty."""
    return int(st.session_state.get("courses-made", 0))


def form(visit: Visit) -> None:
    """Name and zone of a course, and on pressing the course.

    Raises:
        Rejected: the name is missing, too long, or taken.

    """
    every = zones()
    default = visit.ctx.settings.timezone
    with st.form("new-course-form", clear_on_submit=False, border=False):
        name = st.text_input(_("Name"), key=f"new-course-name-{courses_made()}")
        zone = st.selectbox(
            _("Time zone"),
            every,
            index=every.index(default) if default in every else 0,
            key="new-course-zone",
            help=_("Dates of this course are read and shown in it."),
        )
        pressed = st.form_submit_button(_("Create"), type="primary", key="new-course-create")
    if pressed:
        course_id = courses.create_course(visit.ctx, visit.actor, name=name, timezone=zone)
        st.toast(_("The course was created. You teach it."))
        st.session_state["next-course"] = course_id
        st.session_state["courses-made"] = courses_made() + 1
        st.rerun()
