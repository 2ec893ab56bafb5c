"""For professors and monitors: how an assignment goes, its students one by one, re-runs and exports."""

from __future__ import annotations

import streamlit as st

from core.services import assignments, statistics
from dashboard import i18n, rerun, shell
from dashboard.submissions import attention, figures, students

_ = i18n.gettext
visit = shell.enter()
VIEWS = {
    "figures": _("Figures"),
    "students": _("Students"),
    "attention": _("Needs attention"),
    "reruns": _("Re-runs"),
}

st.title(_("Submissions"))
if visit.course is None:
    st.info(_("You are in no course yet."))
    st.stop()
with shell.errors():
    views = {view.id: view for view in assignments.list_assignments(visit.ctx, visit.actor, visit.course.id)}
    if not views:
        st.info(_("There is no assignment yet. Create one on the page Assignments."))
        st.stop()
    chosen = st.selectbox(
        _("Assignment"),
        list(views),
        format_func=lambda number: views[number].assignment_name,
        key="assignment",
        bind="query-params",
    )
    if rerun.announce():
        st.session_state["view"] = "reruns"
    part = st.segmented_control(
        _("View"),
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        default="figures",
        required=True,
        label_visibility="collapsed",
        key="view",
        bind="query-params",
    )
    if part == "reruns":
        rerun.follow(visit)
        st.stop()
    read = statistics.read_statistics(visit.ctx, visit.actor, chosen)
    if part == "figures":
        figures.show(visit, read)
    elif part == "attention":
        attention.show(visit, read)
    else:
        students.show(visit, chosen, [stage.stage_name for stage in read.stages])
