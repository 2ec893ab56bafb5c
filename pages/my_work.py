"""For students: what is due, the upload, and where each submission stands, live."""

from __future__ import annotations

import streamlit as st

from core.services import assignments, submissions, topics
from dashboard import i18n, live, moments, my_work, shell, task_view

_ = i18n.gettext
visit = shell.enter()


def remember(task_id: int) -> None:
    """What was just accepted is what is shown next."""
    st.session_state["receipt"] = task_id
    my_work.choose_task(task_id)


st.title(_("My work"))
if visit.course is None:
    st.info(_("You are in no course yet. Ask your professor to enrol you."))
    st.stop()

with shell.errors():
    works = assignments.list_with_own_work(visit.ctx, visit.actor, visit.course.id)
    admissions = submissions.list_admissions(visit.ctx, visit.actor, visit.course.id)
    tasks = submissions.list_my_tasks(visit.ctx, visit.actor, visit.course.id)
    accepted = st.session_state.get("receipt")
    if accepted is not None:
        task = submissions.get_task(visit.ctx, visit.actor, accepted, logs_limit=1)
        st.success(
            f"{_('Accepted')}. {_('Reference')} **{task.summary.reference}** · "
            f"{moments.moment_text(task.summary.created_at, visit)}"
        )
        st.code(f"SHA-256 {task.sha256}", language=None, wrap_lines=True)

    my_work.show_due(visit, works, admissions, remember)
    chosen = my_work.chosen_task() or (tasks[0].id if tasks else None)
    st.subheader(_("My submissions"))
    if chosen is None:
        st.info(_("You have not submitted anything yet. Open an assignment above and upload your archive."))
    else:
        name = next((task.assignment_name for task in tasks if task.id == chosen), None)
        if name is not None:
            st.markdown(f"##### {i18n.plain(name)}")
        live.show(lambda fresh: task_view.show(fresh, chosen), topics=[topics.of_task(chosen)])
        with st.expander(f"{_('All my submissions')} ({len(tasks)})", key="history"):
            my_work.show_history(visit, tasks, chosen)
    my_work.show_closed(visit, works, admissions)
