"""Requeues: how often, by what, when in the week, and which submissions."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from core.services import monitoring
from core.services.monitoring import RequeueCount, Scope
from core.vocabulary import RequeueCause
from dashboard import charts, i18n, shell
from dashboard.tables import status_label

_ = i18n.gettext

DAYS_BY_HOUR = timedelta(days=3)
"""Longest window for which there is a bar per hour."""

COLOURS = {
    RequeueCause.MANUAL: "submitted",
    RequeueCause.ORCHESTRATOR: "requeued",
    RequeueCause.NODE_LOST: "failed",
    RequeueCause.CRASH: "running",
}


def requeues(visit: shell.Visit, scope: Scope) -> None:
    """How often, by what, when in the week, and which submissions."""
    counts = monitoring.count_requeues(visit.ctx, visit.actor, scope)
    if not counts:
        st.info(_("Nothing was requeued in this window."))
        return
    _over_time(visit, scope, counts)
    parts = _parts(visit, scope, counts)
    for column, (key, (title, part)) in zip(st.columns(len(parts)), parts.items(), strict=True):
        shown = pd.DataFrame({title: list(part), _("Requeues"): list(part.values())})
        column.dataframe(shown, hide_index=True, key=f"requeues-by-{key}")
    hour = _week(visit, counts)
    _offenders(visit, scope, hour)


def _parts(
    visit: shell.Visit, scope: Scope, counts: list[RequeueCount]
) -> dict[str, tuple[str, dict[str, int]]]:
    """By each of what they can be told apart by: its title and the counts."""
    causes = _causes()
    by_cause, by_stage = Counter[str](), Counter[str]()
    for row in counts:
        by_cause[causes[row.cause]] += row.count
        by_stage[row.stage_name or "—"] += row.count
    parts = {
        "cause": (_("Cause"), dict(by_cause.most_common())),
        "stage": (_("Stage"), dict(by_stage.most_common())),
        "definition": (
            _("Definition"),
            monitoring.count_requeues_by_definition(visit.ctx, visit.actor, scope),
        ),
    }
    if scope.course_id is None:
        by_course = monitoring.count_requeues_by_course(visit.ctx, visit.actor, scope)
        parts["course"] = (_("Course"), by_course)
    return parts


def _over_time(visit: shell.Visit, scope: Scope, counts: list[RequeueCount]) -> None:
    """A bar per hour, or per day where the window is long, parted by cause; the axis is the window."""
    hours = [row.hour.astimezone(visit.zone) for row in counts]
    window = (
        (scope.since or min(hours)).astimezone(visit.zone),
        (scope.until or visit.ctx.now()).astimezone(visit.zone),
    )
    span = timedelta(hours=1) if window[1] - window[0] <= DAYS_BY_HOUR else timedelta(days=1)
    begins = [_begin(hour, span) for hour in hours]
    moments = sorted(set(begins))
    numbers = {cause: dict.fromkeys(moments, 0) for cause in RequeueCause}
    for row, begin in zip(counts, begins, strict=True):
        numbers[row.cause][begin] += row.count
    causes = _causes()
    series = {
        COLOURS[cause]: (causes[cause], list(by_moment.values()))
        for cause, by_moment in numbers.items()
        if any(by_moment.values())
    }
    figure = charts.over_time(
        moments,
        series,
        span=span,
        marks={},
        x_title=_("Time ({zone})").format(zone=visit.zone.key),
        y_title=_("Requeues"),
        window=(_begin(window[0], span), window[1]),
    )
    title = _("Requeues per hour") if span < timedelta(days=1) else _("Requeues per day")
    table = pd.DataFrame({_("When"): [i18n.datetime_text(moment, visit.zone) for moment in moments]})
    for label, heights in series.values():
        table[label] = heights
    st.markdown(f"**{title}**")
    st.plotly_chart(figure, key="requeues-over-time", alt=title)
    with st.expander(_("As a table"), key="requeues-over-time-table"):
        st.dataframe(table, hide_index=True, key="requeues-over-time-rows")


def _begin(hour: datetime, span: timedelta) -> datetime:
    whole = hour.replace(minute=0, second=0, microsecond=0)
    return whole if span < timedelta(days=1) else whole.replace(hour=0)


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
