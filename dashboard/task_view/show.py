"""The parts of a submission, in the order in which they are asked for."""

from __future__ import annotations

import streamlit as st

from core.services import submissions
from core.services.health import check_nodes, error_of
from core.services.submissions import TaskView, WaitingReason
from core.vocabulary import StageStatus, WaitingCause
from dashboard import i18n, moments, shell
from dashboard.tables import submission_label
from dashboard.task_view import compare, failure, log, outputs, receipt, timeline

_ = i18n.gettext


def show(visit: shell.Visit, task_id: int, *, with_log: bool = True) -> None:
    """Draw the submission `task_id` as it stands now; the log may be elsewhere on the page."""
    task = submissions.get_task(visit.ctx, visit.actor, task_id)
    current = task.current
    st.markdown(f"#### {submission_label(task.summary.status, is_late=task.summary.is_late)}")
    st.caption(
        f"{_('Reference')} {task.summary.reference} · {_('attempt')} {current.number}"
        + (f", {_('run')} {current.run}" if current.run > 1 else "")
        + f" · {_('received')} {moments.moment_text(task.summary.created_at, visit)} · "
        f"{i18n.bytes_text(task.size)}"
    )
    if task.summary.is_late:
        st.caption(_("It came after the due date and the time of grace; it was accepted and marked as late."))
    if task.trial is not None:
        text = _("Attempt {number} is on trial: it counts only when that trial is applied.")
        st.info(text.format(number=task.trial.number))
    if current.waiting_reason is not None:
        st.info(_waiting(current.waiting_reason))
    elif task.summary.status is StageStatus.PENDING and error_of(lambda: check_nodes(visit.ctx)):
        st.info(_("Nothing is processing submissions right now. Yours is saved and stays in the queue."))
    if current.stalled_at is not None and task.summary.dry_run_of is not None:
        st.warning(_("Nothing has been heard of it for too long. See whether nodes take this routing key."))
    elif current.stalled_at is not None:
        st.warning(_("Nothing has been heard of it for too long. A professor or monitor can requeue it."))
    _repeated_runs(task)
    failure.show(current)
    timeline.show(visit, task)
    outputs.show(visit, task)
    if with_log:
        log.show(visit, task)
    compare.show(visit, task)
    receipt.show(visit, task)
    _downloads(task)


def _repeated_runs(task: TaskView) -> None:
    """Say what repeated runs have done to it."""
    current = task.current
    if current.crash_loop_at is not None:
        st.warning(
            _(
                "The nodes crash on it over and over (runs so far: {count}). It will not end by itself: "
                "check that the nodes do not requeue rejected tasks, then requeue it."
            ).format(count=current.run)
        )
    if current.results_lack:
        st.warning(
            _(
                "It passed, but several runs overlapped and its results lack files of its own, such "
                "as {name}. Requeue it to get complete results."
            ).format(name=i18n.plain(current.results_lack[0]))
        )


def _waiting(reason: WaitingReason) -> str:
    """What the person who waits is told: what is in the way, and what will happen."""
    match reason.cause:
        case WaitingCause.NO_QUEUE:
            text = _("Waiting: no queue is bound to {place}. It goes out by itself once there is one.")
        case WaitingCause.REFUSED:
            text = _("Waiting: the queue {place} takes no more. It goes out by itself once there is room.")
        case WaitingCause.FILES:
            text = _("Waiting for the file server. It goes out by itself once the file can be copied.")
        case WaitingCause.STUDENT_LIMIT:
            text = _(
                "Waiting for its turn: {limit} submissions of this student are under way, the most that "
                "may be at once. Of those that wait, the newest goes first."
            )
        case WaitingCause.ASSIGNMENT_LIMIT:
            text = _(
                "Waiting for its turn: {limit} submissions of this assignment are under way, the most that "
                "may be at once. The oldest go first, and first submissions before requeued ones."
            )
    return text.format(place=reason.place, limit=reason.limit)


def _downloads(task: TaskView) -> None:
    left, right = st.columns(2)
    left.link_button(
        _("Download the original"),
        shell.download_url("original", task.summary.id),
        width="stretch",
    )
    if any(stage.status.is_final for stage in task.current.stages):
        right.link_button(
            _("Download the results"),
            shell.download_url("results", task.summary.id, task.current.number),
            width="stretch",
        )
