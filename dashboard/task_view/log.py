"""The log of a submission: narrowed by words, stage and level, and as a file."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from core.services.submissions import LogLine, TaskView
from core.vocabulary import LogLevel, StageStatus
from dashboard import i18n, shell
from dashboard.task_view.lines import level_label, said

_ = i18n.gettext

_MARKS = {LogLevel.INFO: "·", LogLevel.WARNING: "!", LogLevel.ERROR: "✖"}


def show(visit: shell.Visit, task: TaskView) -> None:
    """Draw the log with its filters."""
    task_id = task.summary.id
    still_of_interest = task.summary.status is not StageStatus.COMPLETED
    with st.expander(_("Log"), expanded=still_of_interest, key=f"log-{task_id}"):
        words, stage, level = _filters(task)
        lines = list(narrow(task.logs, words=words, stage=stage, level=level))
        text = "\n".join(_text(visit, line) for line in lines)
        if text:
            st.code(text, language=None, height=240, wrap_lines=True)
        else:
            st.caption(_("No line of the log fits."))
        st.caption(
            i18n.plural(
                "{shown} of {count} line",
                "{shown} of {count} lines",
                len(task.logs),
                shown=i18n.number_text(len(lines)),
            )
        )
        st.download_button(
            _("Download the log"),
            text,
            f"log-{task.summary.reference}.txt",
            "text/plain",
            key=f"log-file-{task_id}",
            on_click="ignore",
            width="stretch",
        )


def narrow(
    lines: Iterable[LogLine], *, words: str = "", stage: str | None = None, level: LogLevel | None = None
) -> Iterable[LogLine]:
    """The lines that hold `words`, capitals or not, are of `stage`, and are of `level`."""
    wanted = words.strip().casefold()
    return (
        line
        for line in lines
        if wanted in said(line).casefold()
        and stage in (None, line.stage_name)
        and level in (None, line.level)
    )


def _filters(task: TaskView) -> tuple[str, str | None, LogLevel | None]:
    task_id = task.summary.id
    left, middle, right = st.columns([2, 1, 1])
    words = left.text_input(_("Search the log"), key=f"log-words-{task_id}")
    stage = middle.selectbox(
        _("Stage"),
        [None, *(stage.stage_name for stage in task.current.stages)],
        format_func=lambda name: name or _("All"),
        key=f"log-stage-{task_id}",
    )
    level = right.selectbox(
        _("Level"),
        [None, *_MARKS],
        format_func=lambda level: f"{_MARKS[level]} {level_label(level)}" if level else _("All"),
        key=f"log-level-{task_id}",
    )
    return words or "", stage, level


def _text(visit: shell.Visit, line: LogLine) -> str:
    stage = f"[{line.stage_name}] " if line.stage_name else ""
    return f"{line.logged_at.astimezone(visit.zone):%H:%M:%S} {_MARKS[line.level]} {stage}{said(line)}"
