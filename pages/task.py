"""For professors and monitors: everything about one submission in the order of time."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import submissions, topics
from core.services.monitoring import Scope
from core.vocabulary import LogLevel
from dashboard import i18n, live, shell, task_view
from dashboard.monitoring import deeds
from dashboard.task_view.lines import level_label, said, source_label

_ = i18n.gettext
visit = shell.enter()


def log(fresh: shell.Visit) -> None:
    """The lines that match; the marked one can be linked to."""
    task = submissions.get_task(fresh.ctx, fresh.actor, number)
    levels = st.session_state.get("levels") or list(LogLevel)
    words = str(st.session_state.get("words") or "").lower()
    rows = [
        {
            "#": line.id,
            _("When"): i18n.precise_text(line.logged_at, fresh.zone),
            _("Attempt"): f"{line.attempt}.{line.run}",
            _("Stage"): line.stage_name or "—",
            _("Level"): level_label(line.level),
            _("Said by"): source_label(line.source),
            _("Message"): said(line),
        }
        for line in task.logs
        if line.level in levels and words in said(line).lower()
    ]
    marked = st.query_params.get("line", "")
    st.caption(_("Link to a line: add &line= and its number to the address."))
    frame = pd.DataFrame(rows)

    def mark(row: pd.Series) -> list[str]:
        return ["font-weight: bold" if str(row["#"]) == marked else ""] * len(row)

    st.dataframe(frame.style.apply(mark, axis=1) if rows else frame, hide_index=True, key="lines")


st.title(_("Submission"))
asked = st.query_params.get("task", "")[:18]
number = int(asked) if asked.isdecimal() else 0
if not number:
    st.info(_("Open a submission from the lists of Submissions or Monitoring."))
    st.stop()
topic = topics.of_task(number)
with shell.errors():
    task = submissions.get_task(visit.ctx, visit.actor, number)
    st.caption(f"{task.student_name} · {task.student_email} · {task.summary.assignment_name}")
    live.show(lambda fresh: task_view.show(fresh, number), topics=[topic], key="task")
    st.subheader(_("History"))
    left, right = st.columns([2, 1])
    left.text_input(_("Search in the log"), key="words", bind="query-params")
    right.pills(_("Level"), list(LogLevel), format_func=level_label, selection_mode="multi", key="levels")
    live.show(log, topics=[topic], key="history", pausable=True)
    if task.course_id is not None:
        st.subheader(_("Who did what"))
        deeds.draw(visit, Scope(course_id=task.course_id), task_id=number)
