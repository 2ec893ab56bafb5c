"""One submission on a page: stages, reason of a failure, log, outputs, downloads."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from core.services import results, submissions
from core.services.submissions import AttemptView, StageView, TaskView, WaitingReason
from core.vocabulary import LogLevel, StageStatus, WaitingCause
from dashboard import i18n, live, shell
from dashboard.tables import stage_label, status_label

_ = i18n.gettext


def show(visit: shell.Visit, task_id: int) -> None:
    """Draw the submission `task_id` as it stands now."""
    task = submissions.get_task(visit.ctx, visit.actor, task_id)
    current = task.current
    st.markdown(f"#### {status_label(task.summary.status)}")
    st.caption(
        f"{_('Reference')} {task.summary.reference} · {_('attempt')} {current.number} · "
        f"{_('received')} {i18n.datetime_text(task.summary.created_at, visit.zone)} · "
        f"{i18n.bytes_text(task.size)}"
    )
    if current.waiting_reason is not None:
        st.info(_waiting(current.waiting_reason))
    if current.stalled_at is not None:
        st.warning(_("Nothing has been heard of it for too long. A professor or monitor can requeue it."))
    for column, stage in zip(st.columns(len(current.stages)), current.stages, strict=True):
        with column.container(border=True):
            _stage(visit, current, stage)
    for stage in current.stages:
        if stage.status is StageStatus.FAILED:
            st.error(f"**{stage.stage_name}** — " + (stage.reason or _("The stage gave no reason.")))
    _outputs(visit, task)
    _log(visit, task)
    _downloads(task)


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


def _stage(visit: shell.Visit, attempt: AttemptView, stage: StageView) -> None:
    failed = any(other.status is StageStatus.FAILED for other in attempt.stages)
    st.markdown(f"**{stage.stage_name}**")
    st.write(stage_label(stage.status, after_failure=failed))
    if stage.queued_at and not (failed and stage.status is StageStatus.PENDING):
        _span(visit, _("waited"), stage.queued_at, stage.started_at, key=f"waited-{stage.id}")
    if stage.started_at:
        _span(visit, _("ran"), stage.started_at, stage.ended_at, key=f"ran-{stage.id}")


def _span(visit: shell.Visit, label: str, start: datetime, end: datetime | None, *, key: str) -> None:
    """How long something took, or has been taking."""
    seconds = ((end or visit.ctx.now()) - start).total_seconds()
    if end is None:
        live.elapsed(label, seconds, key=key)
    else:
        st.caption(f"{label} {i18n.duration_text(seconds)}")


def _outputs(visit: shell.Visit, task: TaskView) -> None:
    if not any(stage.status.is_final for stage in task.current.stages):
        return
    with st.expander(_("Output of each stage"), key=f"outputs-{task.summary.id}"), shell.errors():
        read = results.read_results(visit.ctx, visit.actor, task.summary.id)
        for output in read.outputs:
            st.markdown(f"**{output.stage_name}**")
            if output.text is None:
                st.caption(_("Its output is not kept any more."))
            else:
                st.code(output.text or "—", language=None)
        if read.files:
            st.caption(", ".join(read.files))


def _log(visit: shell.Visit, task: TaskView) -> None:
    marks = {LogLevel.INFO: "·", LogLevel.WARNING: "!", LogLevel.ERROR: "✖"}
    lines = [
        f"{line.logged_at.astimezone(visit.zone):%H:%M:%S} {marks[line.level]} "
        f"{f'[{line.stage_name}] ' if line.stage_name else ''}{line.message}"
        for line in task.logs
    ]
    with st.expander(_("Log"), expanded=True, key=f"log-{task.summary.id}"):
        st.code("\n".join(lines) or "—", language=None, height=240)


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
