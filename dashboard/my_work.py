"""The parts of *My work*: what is due, what is over, and the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import streamlit as st

from core.services import assignments, submissions
from core.services.assignments import AssignmentWithLatest
from core.services.submissions import Admission, TaskSummary
from core.vocabulary import AssignmentState
from dashboard import i18n, moments, shell, uploads
from dashboard.assignments import rules, statement
from dashboard.tables import state_label, submission_label

_ = i18n.gettext

_AFTER = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(hours=1)
"""Timers of browsers hold 24 days at most, and a sleeping computer stops them."""

PAGE = 8
"""Submissions of the history that are shown at once."""


def chosen_task() -> int | None:
    """The submission that the address names: `?task=12`."""
    named = st.query_params.get("task", "")
    return int(named) if named.isdecimal() and len(named) < 19 else None  # noqa: PLR2004  digits of a bigint


def open_task(task_id: int) -> None:
    """Put a submission into the address, so that it can be reloaded and sent to others, and show it.

    A callback: it has the whole page drawn, for what opens a submission stands in live parts.
    """
    st.query_params["task"] = str(task_id)
    st.rerun()


def show_due(visit: shell.Visit, on_accepted: Callable[[int], None]) -> None:
    """What this student may hand in now or later, what is due first at the top, with its rules and form."""
    works, admissions = _works(visit)
    due = sorted(
        (work for work in works if admissions[work.assignment.id].state is not AssignmentState.CLOSED),
        key=lambda work: admissions[work.assignment.id].due_at,
    )
    st.subheader(_("Due"))
    _say_passed(works, admissions)
    if not due:
        st.info(_("Nothing is due now. When your professor opens an assignment, it stands here."))
    for work in due:
        view, admission = work.assignment, admissions[work.assignment.id]
        with st.expander(_title(visit, work, admission), key=f"assignment-{view.id}"):
            st.caption(f"{state_label(admission.state)} · {_dates(visit, admission.due_at)}")
            statement.show(view, place="due")
            st.markdown("\n".join(f"- {said}" for said in rules.sentences(admission, visit.course_zone)))
            if admission.state is AssignmentState.OPEN and admission.remaining_submissions != 0:
                uploads.submission_form(view.id, on_accepted)
            _latest(work, place="due")


def _say_passed(works: list[AssignmentWithLatest], admissions: Mapping[int, Admission]) -> None:
    """Say which due dates have passed since this page was opened."""
    in_time: set[int] = st.session_state.setdefault("in-time", set())
    for work in works:
        view, admission = work.assignment, admissions[work.assignment.id]
        if admission.state is AssignmentState.OPEN and not admission.is_late:
            in_time.add(view.id)
        elif view.id in in_time:
            text = (
                _("The due date of “{name}” passed while this page was open. It takes no more submissions.")
                if admission.state is AssignmentState.CLOSED
                else _("The due date of “{name}” passed while this page was open. What comes now is late.")
            )
            st.warning(text.format(name=i18n.plain(view.assignment_name)))


def follow_dates(visit: shell.Visit) -> None:
    """Draw the page again as soon as an assignment opens, is due or closes."""
    now = visit.ctx.now()
    ahead = [
        moment - now
        for admission in _works(visit)[1].values()
        for moment in (admission.starts_at, admission.due_at, _closes_at(admission))
        if moment > now
    ]
    if not ahead:
        return
    wait = min(min(ahead) + _AFTER, _LONGEST_WAIT)

    @st.fragment(run_every=wait, key="dates")
    def again() -> None:
        if shell.enter().ctx.now() >= now + wait:
            st.rerun()

    again()


def _closes_at(admission: Admission) -> datetime:
    """Return when what comes begins to be late or is refused."""
    return admission.due_at + timedelta(minutes=admission.grace_minutes)


def show_past(visit: shell.Visit, chosen: int | None) -> None:
    """All submissions, the one that is shown marked, and the assignments that are over."""
    tasks = submissions.list_my_tasks(visit.ctx, visit.actor, visit.course.id if visit.course else None)
    if tasks:
        with st.expander(f"{_('All my submissions')} ({len(tasks)})", key="history"):
            _history(visit, tasks, chosen)
    _closed(visit)


def _works(visit: shell.Visit) -> tuple[list[AssignmentWithLatest], Mapping[int, Admission]]:
    """The assignments of the course with the student's latest submission, and what may be handed in."""
    if visit.course is None:
        return [], {}
    return (
        assignments.list_with_own_work(visit.ctx, visit.actor, visit.course.id),
        submissions.list_admissions(visit.ctx, visit.actor, visit.course.id),
    )


def _closed(visit: shell.Visit) -> None:
    """What is over for this student, the latest first, with what came of it."""
    works, admissions = _works(visit)
    closed = [work for work in works if admissions[work.assignment.id].state is AssignmentState.CLOSED]
    if not closed:
        return
    with st.expander(f"{_('Closed assignments')} ({len(closed)})", key="closed"):
        for work in closed:
            view = work.assignment
            st.markdown(f"**{i18n.plain(view.assignment_name)}** · {_standing(work)}")
            st.caption(_dates(visit, admissions[view.id].due_at))
            _latest(work, place="closed")


def _history(visit: shell.Visit, tasks: list[TaskSummary], chosen: int | None) -> None:
    """All submissions, newest first; each opens below and in the address."""
    count = -(-len(tasks) // PAGE)
    number = st.pagination(count, key="history-page") if count > 1 else 1
    for task in tasks[(number - 1) * PAGE : number * PAGE]:
        st.button(
            f"{submission_label(task.status, is_late=task.is_late)} · {i18n.plain(task.assignment_name)} · "
            f"{i18n.datetime_text(task.created_at, visit.zone)} · {task.reference}",
            key=f"open-{task.id}",
            type="primary" if task.id == chosen else "secondary",
            on_click=open_task,
            args=(task.id,),
            width="stretch",
        )


def _title(visit: shell.Visit, work: AssignmentWithLatest, admission: Admission) -> str:
    view = work.assignment
    if admission.state is AssignmentState.UPCOMING:
        when = _("opens {moment}").format(moment=i18n.datetime_text(view.assignment_start_date, visit.zone))
    else:
        when = moments.left_text(admission.due_at, visit.ctx.now())
    return f"**{i18n.plain(view.assignment_name)}** — {when} · {_standing(work)}"


def _standing(work: AssignmentWithLatest) -> str:
    latest = work.latest
    return (
        submission_label(latest.status, is_late=latest.is_late)
        if latest
        else submission_label(None, is_late=False)
    )


def _dates(visit: shell.Visit, due_at: datetime) -> str:
    return f"{_('due')} {moments.moment_text(due_at, visit)}"


def _latest(work: AssignmentWithLatest, *, place: str) -> None:
    if work.latest is not None:
        st.button(
            f"{_('Open the latest submission')} ({work.latest.reference})",
            key=f"{place}-latest-{work.assignment.id}",
            on_click=open_task,
            args=(work.latest.id,),
        )
