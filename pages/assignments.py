"""For professors and monitors: what is due and when; professors open and remove assignments."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import streamlit as st

from core.services import assignments, definitions
from core.services.assignments import AssignmentDraft, AssignmentView
from core.vocabulary import Role
from dashboard import i18n, shell
from dashboard.tables import state_label

_ = i18n.gettext
visit = shell.enter()
form_key = shell.form_key("assignment")


def draw(view: AssignmentView) -> None:
    """One assignment."""
    with st.container(border=True):
        left, right = st.columns([3, 1])
        left.markdown(f"**{view.assignment_name}** · {view.definition_name}")
        left.caption(
            f"{i18n.datetime_text(view.assignment_start_date, visit.zone)} → "
            f"{i18n.datetime_text(view.assignment_end_date, visit.zone)} ({view.timezone})"
        )
        right.write(state_label(view.state))
        right.caption(f"{i18n.number_text(view.submissions)} " + _("submissions"))
        if visit.role is Role.PROFESSOR and view.submissions == 0:
            if right.button(_("Delete"), key=f"delete-{view.id}"):
                with shell.errors():
                    assignments.delete_assignment(visit.ctx, visit.actor, view.id)
                    st.rerun()


def moment(label: str, default: date, hour: time, key: str) -> datetime:
    """A date and a time in the course's zone."""
    left, right = st.columns(2)
    day = left.date_input(label, default, key=f"{key}-day-{form_key}")
    at = right.time_input(_("Time"), hour, key=f"{key}-time-{form_key}")
    return datetime.combine(day, at, visit.zone)


st.title(_("Assignments"))
if visit.course is None:
    st.info(_("You are in no course yet."))
    st.stop()
with shell.errors():
    views = assignments.list_assignments(visit.ctx, visit.actor, visit.course.id)
    if not views:
        st.info(_("There is no assignment yet. Create the first one below."))
    for view in views:
        draw(view)

if visit.role is Role.PROFESSOR:
    with st.expander("+ " + _("New assignment"), key="new-assignment"), shell.errors():
        known = {
            found.id: found.definition_name for found in definitions.list_definitions(visit.ctx, visit.actor)
        }
        name = st.text_input(_("Name"), key=f"assignment-name-{form_key}")
        chosen = st.selectbox(
            _("Task definition"), list(known), format_func=known.__getitem__, key="assignment-definition"
        )
        description = st.text_area(_("Description"), key=f"assignment-description-{form_key}")
        today = visit.ctx.now().astimezone(visit.zone).date()
        start = moment(_("Start date"), today, time(0, 0), "start")
        end = moment(_("Due date"), today + timedelta(days=7), time(23, 59), "end")
        st.caption(_("Times are in the zone of the course:") + f" {visit.zone.key}")
        if st.button(_("Create"), type="primary", key="create-assignment") and chosen is not None:
            draft = AssignmentDraft(name, chosen, start, end, description)
            assignments.create_assignment(visit.ctx, visit.actor, visit.course.id, draft)
            shell.renew_form_key("assignment")
            st.rerun()
