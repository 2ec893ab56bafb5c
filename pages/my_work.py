"""For students: what is due, the upload, and where each submission stands, live."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.services import submissions, topics
from dashboard import i18n, live, moments, my_work, shell, task_view

_ = i18n.gettext
visit = shell.enter()


def remember(task_id: int) -> None:
    """What was just accepted is what is shown next."""
    st.session_state["receipt"] = task_id
    my_work.open_task(task_id)


def say_accepted() -> None:
    """The receipt of what was handed in on this visit."""
    accepted = st.session_state.get("receipt")
    if accepted is None:
        return
    task = submissions.get_task(visit.ctx, visit.actor, accepted, logs_limit=1)
    st.success(
        f"{_('Accepted')}. {_('Reference')} **{task.summary.reference}** · "
        f"{moments.moment_text(task.summary.created_at, visit)}"
    )
    st.code(f"SHA-256 {task.sha256}", language=None, wrap_lines=True)


st.title(_("My work"))
if visit.course is None:
    st.info(_("You are in no course yet. Ask your professor to enrol you."))
    st.stop()

mine = [topics.of_user(visit.person.id)]
with shell.errors():
    say_accepted()
    live.show(
        lambda fresh: my_work.show_due(fresh, remember), topics=mine, key="due", quiet=True, gap_seconds=2.0
    )
    my_work.follow_dates(visit)
    tasks = submissions.list_my_tasks(visit.ctx, visit.actor, visit.course.id)
    chosen = my_work.chosen_task() or (tasks[0].id if tasks else None)
    st.subheader(_("My submissions"))
    if chosen is None:
        st.info(_("You have not submitted anything yet. Open an assignment above and upload your archive."))
    else:
        name = next((task.assignment_name for task in tasks if task.id == chosen), None)
        if name is not None:
            st.markdown(f"##### {i18n.plain(name)}")
        live.show(partial(task_view.show, task_id=chosen), topics=[topics.of_task(chosen)])
    live.show(
        lambda fresh: my_work.show_past(fresh, chosen), topics=mine, key="past", quiet=True, gap_seconds=2.0
    )
