"""For professors and monitors: everything about one submission in the order of time."""

from __future__ import annotations

import streamlit as st

from core.services import submissions, topics
from core.services.monitoring import Scope
from dashboard import i18n, live, shell, task_view
from dashboard.monitoring import deeds
from dashboard.task_view import history, tail

_ = i18n.gettext
visit = shell.enter()


st.title(_("Submission"))
asked = st.query_params.get("task", "")[:18]
number = int(asked) if asked.isdecimal() else 0
if not number:
    st.info(_("Open a submission from the lists of Submissions or Monitoring."))
    st.stop()
topic = topics.of_task(number)
with shell.errors():
    task = submissions.get_task(visit.ctx, visit.actor, number)
    st.caption(i18n.plain(f"{task.student_name} · {task.student_email} · {task.summary.assignment_name}"))
    live.show(
        lambda fresh: task_view.show(fresh, number, with_log=False),
        topics=[topic],
        key="task",
        gap_seconds=2.0,
    )
    st.subheader(_("History"))
    live.show(lambda fresh: history.show(fresh, number), topics=[topic], key="events-live", gap_seconds=2.0)
    st.subheader(_("Log"))
    tail.show(number)
    if task.course_id is not None:
        st.subheader(_("Who did what"))
        deeds.draw(visit, Scope(course_id=task.course_id), task_id=number)
