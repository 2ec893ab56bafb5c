"""For professors and monitors: what is due and when; professors open, change, duplicate, extend, remove."""

from __future__ import annotations

import streamlit as st

from core.services import assignments, definitions
from core.vocabulary import AssignmentState, Role
from dashboard import address, i18n, shell
from dashboard.assignments import form, listing
from dashboard.tables import state_label

_ = i18n.gettext
visit = shell.enter()

st.title(_("Assignments"))
if visit.course is None:
    st.info(_("You are in no course yet."))
    st.stop()

written = st.session_state.get(form.KEY)
if written is not None and written.saved is not None:
    form.close()
    st.toast(
        _("Saved")
        + f": {i18n.plain(written.saved.assignment_name)} · {i18n.plain(written.saved.course_name)}"
    )
    written = None
if written is not None:
    with shell.errors():
        known = {one.id: one.definition_name for one in definitions.list_definitions(visit.ctx, visit.actor)}
        teaches = {course.id: course for course in visit.courses if course.role is Role.PROFESSOR}
        form.show(visit, written, known, teaches)
    st.stop()

if visit.role is Role.PROFESSOR:
    if st.button("+ " + _("New assignment"), key="new-assignment", type="primary"):
        st.session_state[form.KEY] = form.new(visit, visit.course.id)
        st.rerun()

with shell.errors():
    views = assignments.list_assignments(visit.ctx, visit.actor, visit.course.id)
    if not views:
        st.info(
            _("There is no assignment yet. Open the first one with New assignment.")
            if visit.role is Role.PROFESSOR
            else _("There is no assignment yet. A professor of the course opens the first one here.")
        )
        st.stop()
    states = {"all": _("All"), **{state.value: state_label(state) for state in AssignmentState}}
    state = st.segmented_control(
        _("State"),
        list(states),
        format_func=states.__getitem__,
        required=True,
        key="assignment-state",
        on_change=address.bound("assignment-state", states, "all"),
    )
    shown = [view for view in views if state in ("all", view.state)]
    if not shown:
        st.info(_("No assignment is in this state."))
    for view in shown:
        listing.draw(visit, view)
