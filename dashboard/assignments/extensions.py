"""The extensions of an assignment: who has until when, for one student or a list of them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from core.errors import UnknownChoice
from core.services import assignments, courses
from core.services.assignments import AssignmentView, Extension
from core.services.courses import Member
from core.services.local_time import check_exists, due_moment
from dashboard import address, i18n, shell
from dashboard.fields import named

_ = i18n.gettext
KEY = "extensions"


def toggle(assignment_id: int) -> None:
    """Open the part of this assignment, or close it."""
    address.put(KEY, "" if is_open(assignment_id) else str(assignment_id))


def is_open(assignment_id: int) -> bool:
    """Return whether the address names this assignment."""
    return st.query_params.get(KEY) == str(assignment_id)


def show(visit: shell.Visit, view: AssignmentView) -> None:
    """Draw who has an extension, and the form that grants more."""
    zone = ZoneInfo(view.timezone)
    found = assignments.list_extensions(visit.ctx, visit.actor, view.id)
    st.markdown(f"**{_('Extensions')}**")
    if not found:
        st.caption(_("Nobody has one. Without one the general due date holds."))
    for extension in found:
        _draw(visit, view, extension, zone)
    students = courses.list_students(visit.ctx, visit.actor, view.course_id)
    if not students:
        st.info(_("The course has no students yet."))
        return
    _ask(visit, view, students, zone)


def _draw(visit: shell.Visit, view: AssignmentView, extension: Extension, zone: ZoneInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        name = extension.student_name or extension.student_email
        reason = f" · {extension.reason}" if extension.reason else ""
        st.text(f"{name} · {i18n.datetime_text(extension.due_at, zone)}{reason}")
        key = f"withdraw-{view.id}-{extension.student_id}"
        if st.button(_("Withdraw"), key=key, help=i18n.plain(extension.student_email)):
            assignments.withdraw_extension(visit.ctx, visit.actor, view.id, extension.student_id)
            st.rerun()


def _ask(visit: shell.Visit, view: AssignmentView, students: list[Member], zone: ZoneInfo) -> None:
    names = {student.id: f"{student.full_name or student.email} ({student.email})" for student in students}
    later = view.assignment_end_date.astimezone(zone) + timedelta(days=2)
    with st.form(f"extension-{view.id}", border=True):
        chosen = st.multiselect(
            _("Students"),
            list(names),
            format_func=names.__getitem__,
            key=f"extension-who-{view.id}",
            placeholder=_("Choose students"),
        )
        pasted = st.text_area(
            _("Or paste e-mails, one per line"), key=f"extension-emails-{view.id}", height=80
        )
        left, right = st.columns(2)
        day = left.date_input(
            _("Until"), later.date(), key=f"extension-day-{view.id}", format=i18n.day_format()
        )
        at = right.time_input(
            _("Time"), later.time().replace(second=0), key=f"extension-time-{view.id}", step=60
        )
        reason = st.text_input(
            _("Reason (optional, students do not see it)"), key=f"extension-reason-{view.id}", max_chars=500
        )
        if st.form_submit_button(_("Grant"), key=f"extension-grant-{view.id}", type="primary"):
            with named(_field_name):
                ids = [*chosen, *_find(pasted, students)]
                until = check_exists(due_moment(datetime.combine(day, at), zone), "due_at")
                count = assignments.grant_extensions(
                    visit.ctx, visit.actor, view.id, set(ids), until, reason=reason
                )
            st.toast(i18n.plural("Granted to {count} student", "Granted to {count} students", count))
            st.rerun()


def _field_name(name: str) -> str:
    return {"students": _("Students"), "due_at": _("Until")}.get(name, name)


def _find(pasted: str, students: list[Member]) -> list[int]:
    """The students whose e-mails were pasted.

    Raises:
        UnknownChoice: one of them is no student of the course.

    """
    known = {student.email.casefold(): student.id for student in students}
    found = []
    for email in re.split(r"[\s,;]+", pasted.strip()):
        if email and email.casefold() not in known:
            raise UnknownChoice(field="students", value=email)
        if email:
            found.append(known[email.casefold()])
    return found
