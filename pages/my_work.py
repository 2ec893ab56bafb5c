"""For students: what is due, the upload, and where each submission stands, live."""

from __future__ import annotations

import streamlit as st

from core.services import assignments, submissions, topics
from core.vocabulary import AssignmentState
from dashboard import i18n, live, shell, task_view, uploads
from dashboard.tables import state_label

_ = i18n.gettext
visit = shell.enter()


def remember(task_id: int) -> None:
    """What was just accepted is what is shown next."""
    st.session_state["receipt"] = st.session_state["task"] = task_id


st.title(_("My work"))
if visit.course is None:
    st.info(_("You are in no course yet. Ask your professor to enrol you."))
    st.stop()

with shell.errors():
    for view in assignments.list_assignments(visit.ctx, visit.actor, visit.course.id):
        if view.state is not AssignmentState.CLOSED:
            left = (view.assignment_end_date - visit.ctx.now()).total_seconds()
            due = i18n.datetime_text(view.assignment_end_date, visit.zone)
            title = f"{view.assignment_name} — {_('due')} {due}"
            with st.expander(title, key=f"assignment-{view.id}"):
                st.caption(f"{state_label(view.state)} · {_('time left')}: {i18n.duration_text(left)}")
                st.write(view.assignment_description)
                uploads.form(view.id, remember)

accepted = st.session_state.get("receipt")
if accepted is not None:
    with shell.errors():
        task = submissions.get_task(visit.ctx, visit.actor, accepted)
        st.success(
            f"{_('Accepted')}. {_('Reference')} **{task.summary.reference}** · "
            f"{i18n.datetime_text(task.summary.created_at, visit.zone)}"
        )
        st.code(f"SHA-256 {task.sha256}", language=None)

with shell.errors():
    tasks = submissions.list_my_tasks(visit.ctx, visit.actor, visit.course.id)
    st.subheader(_("My submissions"))
    if not tasks:
        st.info(_("You have not submitted anything yet. Open an assignment above and upload your archive."))
    else:
        labels = {
            task.id: f"{task.assignment_name} · {task.reference} · "
            + i18n.datetime_text(task.created_at, visit.zone)
            for task in tasks
        }
        chosen = st.selectbox(_("Submission"), list(labels), format_func=labels.__getitem__, key="task")
        live.show(lambda fresh: task_view.show(fresh, chosen), topics=[topics.of_task(chosen)])
