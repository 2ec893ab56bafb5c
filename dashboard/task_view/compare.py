"""What is different from an earlier attempt or an earlier submission; read only while it is open."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.services import dry_runs, results, submissions
from core.services.results import ResultFile
from core.services.submissions import AttemptView, StageView, TaskFilter, TaskView
from core.vocabulary import StageStatus
from dashboard import i18n, moments, shell
from dashboard.tables import stage_label

_ = i18n.gettext

LINES = 1_000
"""Lines of an output that are compared; a longer one takes too long."""


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What the current attempt may be held against."""

    task_id: int
    attempt: int
    label: str


def show(visit: shell.Visit, task: TaskView) -> None:
    """Draw statuses and durations of both, side by side, and the difference of their outputs."""
    part = st.expander(_("Compare with an earlier one"), key=f"compare-{task.summary.id}", on_change="rerun")
    if not part.open:
        return
    with part, shell.errors():
        earlier = _earlier(visit, task)
        if not earlier:
            st.info(_nothing(task))
            return
        chosen = st.selectbox(
            _("Compare with"),
            range(len(earlier)),
            format_func=lambda index: earlier[index].label,
            key=f"compare-with-{task.summary.id}",
        )
        _compare(visit, task, earlier[chosen])


def difference(old: str, new: str) -> str:
    """What lines went (-) and came (+), with three lines around; empty where both are equal."""
    pieces = difflib.unified_diff(
        old.splitlines()[:LINES], new.splitlines()[:LINES], _("before"), _("now"), lineterm=""
    )
    return "\n".join(pieces)


def _nothing(task: TaskView) -> str:
    if task.summary.dry_run_of is not None:
        return _("There is nothing earlier: this is your first dry run of this definition.")
    return _("There is nothing earlier: this is the first submission to this assignment.")


def _earlier(visit: shell.Visit, task: TaskView) -> list[_Earlier]:
    """Earlier attempts of the submission, then earlier submissions of the student, the newest first."""
    summary = task.summary
    found = [
        _Earlier(summary.id, attempt.number, f"{_('attempt')} {attempt.number}")
        for attempt in reversed(task.attempts)
        if attempt.number != task.current.number
    ]
    if summary.dry_run_of is not None:
        return found + _earlier_dry_runs(visit, summary.dry_run_of, summary.id)
    wanted = TaskFilter(assignment_id=summary.assignment_id, student_id=summary.student_id)
    page = submissions.list_tasks(visit.ctx, visit.actor, wanted, limit=50)
    found += [
        _Earlier(
            row.id, row.attempt, f"{row.reference} · {moments.moment_text(row.creation_timestamp, visit)}"
        )
        for row in page.items
        if row.id < summary.id
    ]
    return found


def _earlier_dry_runs(visit: shell.Visit, definition_id: int, task_id: int) -> list[_Earlier]:
    return [
        _Earlier(run.task_id, 1, f"{run.reference} · {moments.moment_text(run.begun_at, visit)}")
        for run in dry_runs.list_dry_runs(visit.ctx, visit.actor, definition_id)
        if run.task_id < task_id
    ]


def _compare(visit: shell.Visit, task: TaskView, earlier: _Earlier) -> None:
    other = (
        task
        if earlier.task_id == task.summary.id
        else submissions.get_task(visit.ctx, visit.actor, earlier.task_id, logs_limit=1)
    )
    before = next(attempt for attempt in other.attempts if attempt.number == earlier.attempt)
    was = {stage.stage_name: stage for stage in before.stages}
    st.table(
        [
            {
                _("Changed"): "≠" if _status(was.get(stage.stage_name)) is not stage.status else "",
                _("Stage"): stage.stage_name,
                _("before"): _standing(before, was.get(stage.stage_name)),
                _("now"): _standing(task.current, stage),
            }
            for stage in task.current.stages
        ]
    )
    old = results.read_results(visit.ctx, visit.actor, earlier.task_id, earlier.attempt)
    new = results.read_results(visit.ctx, visit.actor, task.summary.id)
    texts = {output.stage_name: output.text or "" for output in old.outputs}
    for output in new.outputs:
        st.markdown(f"**{_('Output')}: {i18n.plain(output.stage_name)}**")
        changes = difference(texts.get(output.stage_name, ""), output.text or "")
        if changes:
            st.code(changes, language="diff", height=240)
        else:
            st.caption(_("The outputs are equal."))
    _files(visit, task, earlier, (old.files, new.files))


def _status(stage: StageView | None) -> StageStatus | None:
    return stage.status if stage else None


def _files(
    visit: shell.Visit, task: TaskView, earlier: _Earlier, both: tuple[Sequence[ResultFile], ...]
) -> None:
    """What the stages left behind in both, and one file of it side by side."""
    was, now = ({file.name: file.size for file in files} for files in both)
    names = sorted(was | now)
    if not names:
        return
    st.markdown(f"**{_('Files')}**")
    st.table(
        [
            {_("File"): name, _("before"): _size(was.get(name)), _("now"): _size(now.get(name))}
            for name in names
        ]
    )
    chosen = st.selectbox(
        _("File"),
        names,
        index=None,
        placeholder=_("Choose a file"),
        key=f"compare-file-{task.summary.id}",
    )
    if chosen is None:
        return
    sides = (
        (_("before"), chosen in was, earlier.task_id, earlier.attempt),
        (_("now"), chosen in now, task.summary.id, task.current.number),
    )
    for column, (label, is_there, task_id, attempt) in zip(st.columns(2), sides, strict=True):
        column.caption(label)
        if not is_there:
            column.markdown("—")
            continue
        text = results.read_file(visit.ctx, visit.actor, task_id, chosen, attempt).text
        if text is None:
            column.caption(_("Not text; it is in the results that can be downloaded."))
        else:
            column.code(text or "—", language=None, height=300)


def _size(size: int | None) -> str:
    return "—" if size is None else i18n.bytes_text(size)


def _standing(attempt: AttemptView, stage: StageView | None) -> str:
    if stage is None:
        return "—"
    failed = any(other.status is StageStatus.FAILED for other in attempt.stages)
    label = stage_label(stage.status, after_failure=failed)
    if stage.started_at is None or stage.ended_at is None:
        return label
    return f"{label} · {i18n.duration_text((stage.ended_at - stage.started_at).total_seconds())}"
