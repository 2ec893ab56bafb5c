"""Everything that has happened to a submission and is to come, as one list that grows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from core.services import progress
from core.services.progress import Estimate
from core.services.submissions import AttemptView, StageView, TaskView
from core.vocabulary import RequeueCause, StageStatus
from dashboard import i18n, live, moments, shell
from dashboard.tables import stage_label, status_label

_ = i18n.gettext


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the timeline. `at` is None for what has not happened yet; `seconds` since the one before."""

    mark: str
    text: str
    at: datetime | None
    seconds: float | None = None


def show(visit: shell.Visit, task: TaskView) -> None:
    """Draw the stages beside each other, what is to be expected, and the steps below."""
    for column, stage in zip(st.columns(len(task.current.stages)), task.current.stages, strict=True):
        with column.container(border=True):
            _stage(visit, task.current, stage)
    expected = progress.estimate(visit.ctx, visit.actor, task.summary.id)
    if expected is not None and task.current.waiting_reason is None:
        for sentence in expectation(expected):
            st.caption(sentence)
    requeues = progress.list_requeues(visit.ctx, visit.actor, task.summary.id)
    label = _("Timeline")
    with st.expander(label, expanded=not task.summary.status.is_final, key=f"timeline-{task.summary.id}"):
        for again in requeues:
            st.caption(f"↻ {moments.clock_text(again.at, visit.zone)} — {cause_of_requeue(again.cause)}")
        st.markdown("\n".join(_line(visit, step) for step in steps(task)))


def expectation(expected: Estimate) -> list[str]:
    """Place and time in words; nothing about what is not known."""
    sentences = []
    if expected.ahead == 0:
        sentences.append("▸ " + _("It is the next one in its queue."))
    elif expected.ahead is not None:
        sentences.append("▸ " + _("Before it in the queue: {count}.").format(count=expected.ahead))
    if expected.span is not None:
        text = _("Probably ready in {time}, judged by the last {count} that went this way.")
        time = moments.span_text(expected.span.low, expected.span.high)
        sentences.append("▸ " + text.format(time=time, count=expected.span.samples))
    elif expected.is_late:
        sentences.append("▸ " + _("This stage is taking longer than it has lately; nothing is lost."))
    return sentences


def steps(task: TaskView) -> list[Step]:
    """From received to the result of the current attempt."""
    current = task.current
    first = (
        _("Received and stored")
        if current.number == 1
        else _("Attempt {number} opened").format(number=current.number)
    )
    made = [Step("✔", first, current.created_at)]
    made.append(_after(made, _("Copied for processing"), current.copied_at))
    made.append(_after(made, _("Handed to the queue"), current.published_at))
    has_failed = False
    for stage in current.stages:
        if has_failed:
            made.append(Step("–", f"{stage.stage_name}: {_('not run')}", None))
            continue
        if stage.started_at is not None:
            waited = _between(stage.queued_at, stage.started_at)
            made.append(Step("✔", f"{stage.stage_name}: {_('begun')}", stage.started_at, waited))
        if stage.ended_at is not None:
            mark, word = status_label(stage.status).split(" ", 1)
            ran = _between(stage.started_at, stage.ended_at)
            made.append(Step(mark, f"{stage.stage_name}: {word}", stage.ended_at, ran))
        elif stage.started_at is not None:
            made.append(Step("◐", f"{stage.stage_name}: {_('is running')}", None))
        else:
            word = _("waits in the queue") if stage.queued_at else _("comes after that")
            made.append(Step("○", f"{stage.stage_name}: {word}", None))
        has_failed = stage.status is StageStatus.FAILED
    taken = _between(current.created_at, current.ended_at)
    mark = status_label(task.summary.status).split(" ", 1)[0] if current.ended_at else "○"
    made.append(Step(mark, _("Result"), current.ended_at, taken))
    return made


def _after(made: list[Step], text: str, at: datetime | None) -> Step:
    return Step("✔" if at else "○", text, at, _between(made[-1].at, at))


def _between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds; clocks of two machines may differ, so never below 0."""
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())


def _line(visit: shell.Visit, step: Step) -> str:
    when = f"`{moments.clock_text(step.at, visit.zone)}`" if step.at else "`--:--:--`"
    took = "" if step.seconds is None else f" — {i18n.duration_text(step.seconds)}"
    return f"- {when} {step.mark} {i18n.plain(step.text)}{took}"


def cause_of_requeue(cause: RequeueCause) -> str:
    """Why it was begun anew, and what that meant."""
    return {
        RequeueCause.MANUAL: _("requeued by a person of the course: a new attempt"),
        RequeueCause.ORCHESTRATOR: _("put back into the queue by the orchestrator: a new run"),
        RequeueCause.NODE_LOST: _("its node was lost, another one took it: a new run"),
        RequeueCause.CRASH: _("its node crashed, it was handed out again: a new run"),
    }[cause]


def _stage(visit: shell.Visit, attempt: AttemptView, stage: StageView) -> None:
    failed = any(other.status is StageStatus.FAILED for other in attempt.stages)
    st.markdown(f"**{i18n.plain(stage.stage_name)}**")
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
