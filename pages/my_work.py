"""For students: what is due, the upload, and where each submission stands, live."""

from __future__ import annotations

import streamlit as st

from core.services import assignments, submissions, topics
from core.services.assignments import AssignmentView
from core.vocabulary import AssignmentState
from dashboard import i18n, live, shell, task_view
from dashboard.tables import state_label

_ = i18n.gettext
visit = shell.enter()


def upload(view: AssignmentView) -> None:
    """The form; what was accepted is answered with a receipt."""
    key = shell.form_key(f"upload-{view.id}")
    file = st.file_uploader(_("Your work as a ZIP archive"), key=f"file-{view.id}-{key}")
    if st.button(_("Submit"), type="primary", key=f"submit-{view.id}", disabled=file is None) and file:
        with shell.errors():
            receipt = submissions.submit(
                visit.ctx, visit.actor, view.id, file, file_name=file.name, submit_key=key
            )
            st.session_state["receipt"] = receipt
            st.session_state["task"] = receipt.task_id
            shell.renew_form_key(f"upload-{view.id}")
            st.rerun()


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
                upload(view)

receipt = st.session_state.get("receipt")
if receipt is not None:
    st.success(
        f"{_('Accepted')}. {_('Reference')} **{receipt.reference}** · "
        f"{i18n.datetime_text(receipt.received_at, visit.zone)}"
    )
    st.code(f"SHA-256 {receipt.sha256}", language=None)

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
