"""Everybody's courses; for those who teach also who is in them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import courses
from core.vocabulary import Role
from dashboard import i18n, shell

_ = i18n.gettext
visit = shell.enter()

st.title(_("Courses"))
if visit.course is None:
    st.info(_("You are in no course yet. Ask your professor to enrol you."))
for course in visit.courses:
    role = f" · {course.role.value}" if course.role else ""
    st.markdown(f"**{course.name}**{role} · {course.timezone}" + (" · demo" if course.is_demo else ""))
if visit.course is not None and (visit.person.is_admin or visit.role in {Role.PROFESSOR, Role.MONITOR}):
    st.subheader(_("People of the course"))
    with shell.errors():
        members = courses.list_members(visit.ctx, visit.actor, visit.course.id)
        rows = [
            {_("E-mail"): member.email, _("Name"): member.full_name, _("Role"): member.role.value}
            for member in members
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="roster")
