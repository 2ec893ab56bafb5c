"""Requeues: how often, by what, when in the week, and which submissions."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.services import monitoring
from core.services.monitoring import RequeueCount, Scope
from core.vocabulary import RequeueCause
from dashboard import i18n, shell
from dashboard.tables import status_label

_ = i18n.gettext


def requeues(visit: shell.Visit, scope: Scope) -> None:
    """How often, by what, when in the week, and which submissions."""
    counts = monitoring.count_requeues(visit.ctx, visit.actor, scope)
    if not counts:
        st.info(_("Nothing was requeued in this window."))
        return
    causes = _causes()
    by_cause: dict[str, int] = {}
    by_stage: dict[str, int] = {}
    for row in counts:
        by_cause[causes[row.cause]] = by_cause.get(causes[row.cause], 0) + row.count
        stage = row.stage_name or "—"
        by_stage[stage] = by_stage.get(stage, 0) + row.count
    definitions = monitoring.count_requeues_by_definition(visit.ctx, visit.actor, scope)
    parts = {_("Cause"): by_cause, _("Stage"): by_stage, _("Definition"): definitions}
    for column, (title, part) in zip(st.columns(3), parts.items(), strict=True):
        shown = pd.DataFrame({title: list(part), _("Requeues"): list(part.values())})
        column.dataframe(shown, hide_index=True, key=f"requeues-by-{len(title)}-{title}")
    hour = _week(visit, counts)
    _offenders(visit, scope, hour)


def _causes() -> dict[RequeueCause, str]:
    return {
        RequeueCause.MANUAL: _("By hand"),
        RequeueCause.ORCHESTRATOR: _("By the orchestrator"),
        RequeueCause.NODE_LOST: _("Node lost"),
        RequeueCause.CRASH: _("Crash"),
    }


def _week(visit: shell.Visit, counts: list[RequeueCount]) -> tuple[int, int] | None:
    """The heat map; the cell that was clicked as (weekday from 1, hour), or None."""
    days = [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]
    grid = [[0] * 24 for _day in days]
    for row in counts:
        local = row.hour.astimezone(visit.zone)
        grid[local.weekday()][local.hour] += row.count
    hours = [f"{hour:02}" for hour in range(24)]
    most = max(max(line) for line in grid)

    def shade(count: Any) -> str:
        strength = 0.0 if most == 0 else 0.75 * count / most
        return f"background-color: rgba(204, 121, 167, {strength:.2f})"

    st.markdown(f"**{_('Requeues by weekday and hour')}**")
    st.caption(_("Click a cell to see its submissions below."))
    frame = pd.DataFrame(grid, index=days, columns=hours)
    shaded = frame.style.map(shade)
    picked = st.dataframe(shaded, on_select="rerun", selection_mode="single-cell", key="heat-map")
    for line, column in picked.selection.cells:
        if column in hours:
            return line + 1, int(column)
    return None


def _offenders(visit: shell.Visit, scope: Scope, hour: tuple[int, int] | None) -> None:
    st.markdown(f"**{_('Most often requeued')}**")
    rows = monitoring.list_offenders(visit.ctx, visit.actor, scope, hour=hour, zone=visit.zone.key)
    shown = [
        {
            _("Submission"): f"/task?task={row.task_id}",
            _("Student"): row.student_email,
            _("Assignment"): row.assignment_name,
            _("Status"): status_label(row.status),
            _("Requeues"): row.count,
            _("Last"): i18n.datetime_text(row.last_at, visit.zone),
        }
        for row in rows
    ]
    link = st.column_config.LinkColumn(_("Submission"), display_text=r"task=(\d+)")
    st.dataframe(pd.DataFrame(shown), hide_index=True, column_config={_("Submission"): link}, key="offenders")
