"""The log of a submission, followed as it grows: searched as a whole, held still, linked to by line."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import submissions, topics
from core.services.submissions import LogPart
from core.vocabulary import LogLevel
from dashboard import address, i18n, live, shell
from dashboard.task_view.lines import as_recorded, level_label, said, source_label

_ = i18n.gettext
LINE = "line"
WORDS_LIMIT = 200
LINES = 500
LINES_AROUND = 20
"""So many that the marked one is seen without scrolling."""
GAP_SECONDS = 1.0
"""A log of a hundred lines a second is drawn once in it: nobody reads faster."""


def show(task_id: int) -> None:
    """The filters, and the newest lines that match, the latest first."""
    left, right = st.columns([2, 1])
    left.text_input(
        _("Search in the log"),
        key="words",
        max_chars=WORDS_LIMIT,
        on_change=address.bound_text("words", WORDS_LIMIT),
    )
    right.pills(_("Level"), list(LogLevel), format_func=level_label, selection_mode="multi", key="levels")
    live.show(
        lambda fresh: _lines(fresh, task_id),
        topics=[topics.of_task(task_id)],
        key="history",
        pausable=True,
        gap_seconds=GAP_SECONDS,
    )


def _lines(visit: shell.Visit, task_id: int) -> None:
    named = st.query_params.get(LINE, "")[:18]
    marked = int(named) if named.isdecimal() else None
    words = str(st.session_state.get("words") or "")
    part = submissions.read_log(
        visit.ctx,
        visit.actor,
        task_id,
        words=words,
        platform_words=as_recorded(words),
        levels=st.session_state.get("levels") or (),
        around=marked,
        limit=LINES if marked is None else LINES_AROUND,
    )
    if marked is not None:
        st.button(_("Back to the newest lines"), key="follow", on_click=_follow)
    if not part.lines:
        st.caption(_("No line of the log fits."))
        return
    st.caption(
        i18n.plural(
            "{shown} of {count} line",
            "{shown} of {count} lines",
            part.matching,
            shown=i18n.number_text(len(part.lines)),
        )
        + " · "
        + _("The number of a line is a link to it.")
    )
    _table(visit, task_id, part, marked)


def _table(visit: shell.Visit, task_id: int, part: LogPart, marked: int | None) -> None:
    rows = [
        {
            "": "▶" if line.id == marked else "",
            "#": f"/task?task={task_id}&{LINE}={line.id}",
            _("When"): i18n.precise_text(line.logged_at, visit.zone),
            _("Attempt"): f"{line.attempt}.{line.run}",
            _("Stage"): line.stage_name or "—",
            _("Level"): level_label(line.level),
            _("Said by"): source_label(line.source),
            _("Message"): said(line),
        }
        for line in reversed(part.lines)
    ]
    link = st.column_config.LinkColumn("#", display_text=rf"{LINE}=(\d+)")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={"#": link},
        height="auto" if marked is None else "content",
        key="lines" if marked is None else "lines-around",
    )


def _follow() -> None:
    st.query_params.pop(LINE, None)
