"""Everybody's courses; for those who teach also who is in them, and for professors the ways in and out."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import courses
from core.vocabulary import Role
from dashboard import i18n, shell
from dashboard.people import joining, new_course, roster
from dashboard.tables import role_label

_ = i18n.gettext
visit = shell.enter()

st.title(_("Courses"))
if visit.course is None:
    st.info(
        _("You are in no course yet. Ask your professor to enrol you.")
        if visit.person.is_confirmed
        else _("Your e-mail is not confirmed yet, so that no course is open to you. {way}").format(
            way=_("Sign out and choose “Forgot my password”: the link that you get confirms it.")
            if visit.ctx.settings.sends_mail
            else _("Ask your professor or an administrator for a link that confirms it.")
        )
    )
else:
    rows = [
        {
            _("Course"): course.name + (f" · {_('demo')}" if course.is_demo else ""),
            _("Your role"): role_label(course.role),
            _("Time zone"): course.timezone,
        }
        for course in visit.courses
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="courses", width="stretch")

if visit.person.is_admin or any(course.role is Role.PROFESSOR for course in visit.courses):
    with st.expander("+ " + _("New course"), key=f"new-course-{new_course.courses_made()}"), shell.errors():
        new_course.form(visit)

edits = visit.course is not None and (visit.person.is_admin or visit.role is Role.PROFESSOR)
if visit.course is not None and (edits or visit.role is Role.MONITOR):
    st.header(_("People of the course"))
    st.caption(i18n.plain(visit.course.name))
    with shell.errors():
        members = courses.list_members(visit.ctx, visit.actor, visit.course.id)
        chosen = roster.show(visit, members, selectable=edits)
        if edits and chosen is not None:
            roster.edit(visit, visit.course.id, chosen)
    if edits:
        with shell.errors():
            waiting = sum(not roster.is_ready(member) for member in members)
            joining.invite_everyone(visit, visit.course.id, waiting)
        joining.show_invitations()
        with st.expander("+ " + _("Add one person"), key="add-one"), shell.errors():
            joining.add_one(visit, visit.course.id)
        with st.expander("+ " + _("Import a list"), key="import-list"), shell.errors():
            joining.import_list(visit, visit.course.id)
