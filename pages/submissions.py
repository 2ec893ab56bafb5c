"""For professors and monitors: how an assignment goes, its students one by one, re-runs and exports."""

from __future__ import annotations

import streamlit as st

from core.services import assignments, statistics, topics
from dashboard import address, i18n, live, rerun, shell
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
    names = {str(number): view.assignment_name for number, view in views.items()}
    usual = next((str(number) for number, view in views.items() if view.submissions), next(iter(names)))
    chosen = int(
        st.selectbox(
            _("Assignment"),
            list(names),
            format_func=names.__getitem__,
            key="assignment",
            on_change=address.bound("assignment", names, usual),
        )
    )
    if rerun.announce():
        address.put("view", "reruns", "figures")
        st.session_state["view"] = "reruns"
    part = st.segmented_control(
        _("View"),
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        required=True,
        label_visibility="collapsed",
        key="view",
        on_change=address.bound("view", VIEWS, "figures"),
    )
    if part == "reruns":
        rerun.follow(visit)
        st.stop()
    if part in ("figures", "attention"):
        show = figures.show if part == "figures" else attention.show
        live.show(
            lambda fresh: show(fresh, statistics.read_statistics(fresh.ctx, fresh.actor, chosen)),
            topics=[topics.of_course(visit.course.id)],
            key=part,
            pausable=True,
            gap_seconds=5.0,
        )
    else:
        read = statistics.read_statistics(visit.ctx, visit.actor, chosen)
        students.show(visit, chosen, [stage.stage_name for stage in read.stages])
