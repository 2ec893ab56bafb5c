"""Waits and runs over time, arrivals against what ended, and how both were a week before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.services import alerts, monitoring
from core.services.alerts import Incident
from core.services.monitoring import A_WEEK, HourCount, Percentiles, Scope, Timeline
from core.vocabulary import TimeSpan
from dashboard import charts, i18n, shell

_ = i18n.gettext

_LENGTHS = {
    TimeSpan.HOUR: timedelta(hours=1),
    TimeSpan.DAY: timedelta(days=1),
    TimeSpan.WEEK: timedelta(days=7),
}
_SHARES = ("p50", "p95", "p99")


def draw(visit: shell.Visit, scope: Scope) -> None:
    """Two charts per stage, one of arrivals, each with its numbers as a table."""
    timeline = monitoring.read_timeline(visit.ctx, visit.actor, scope, zone=visit.zone.key)
    _whole(visit, scope)
    marks = {f"{mark.name} v{mark.version}": mark.at.astimezone(visit.zone) for mark in timeline.marks}
    incidents = _incidents(visit, scope)
    bands = _bands(visit, scope, timeline, incidents)
    stages = dict.fromkeys(point.stage_name for point in timeline.latency)
    for number, stage in enumerate(stages):
        _stage(visit, scope, timeline, stage, marks=marks, bands=bands, number=number)
    if stages:
        st.caption(_("A dashed line ends in a span that is not over yet."))
        if timeline.latency_zone == "UTC" and timeline.span is not TimeSpan.HOUR:
            st.caption(_("Over the whole installation days and weeks are those of UTC here."))
        with st.expander(_("As a table"), key="latency-table"):
            st.dataframe(_latency_table(visit, timeline), hide_index=True, key="latency-over-time")
    _throughput(visit, scope, timeline, marks, bands)
    _alerts(visit, incidents)


def _incidents(visit: shell.Visit, scope: Scope) -> list[Incident]:
    """The latest that were open within the window, in order of time."""
    found = alerts.list_incidents(visit.ctx, visit.actor, course_id=scope.course_id)
    seen = [one for one in found if scope.since is None or (one.closed_at or scope.since) >= scope.since]
    return seen[: monitoring.MOST_MARKS][::-1]


def _bands(
    visit: shell.Visit, scope: Scope, timeline: Timeline, incidents: Sequence[Incident]
) -> charts.Bands:
    drawn = [point.at for point in timeline.latency] + [hour.hour for hour in timeline.throughput]
    earliest = scope.since or min(drawn, default=visit.ctx.now())
    return [
        (
            alerts.title(one.kind, i18n.language()),
            max(one.opened_at, earliest).astimezone(visit.zone),
            (one.closed_at or visit.ctx.now()).astimezone(visit.zone),
        )
        for one in incidents
    ]


def _alerts(visit: shell.Visit, incidents: Sequence[Incident]) -> None:
    if not incidents:
        return
    st.caption("▲ " + _("An alert was open from here on, as long as the ground is shaded."))
    with st.expander(_("Alerts in this window"), key="alerts-in-window"):
        rows = [
            {
                _("From"): i18n.datetime_text(one.opened_at, visit.zone),
                _("Until"): i18n.datetime_text(one.closed_at, visit.zone),
                _("What"): alerts.title(one.kind, i18n.language()),
                _("In words"): one.sentence(i18n.language()),
                _("Course"): one.course_name or _("The whole installation"),
            }
            for one in incidents
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="alerts-over-time")


def _whole(visit: shell.Visit, scope: Scope) -> None:
    st.markdown(f"**{_('How long stages waited and ran')}**")
    rows = monitoring.measure_latency(visit.ctx, visit.actor, scope)
    if not rows:
        st.info(_("Nothing has ended in this window."))
        return
    earlier: dict[str, monitoring.StageLatency] = {}
    if scope.since is not None:
        shifted = replace(scope, since=scope.since - A_WEEK, until=visit.ctx.now() - A_WEEK)
        before = monitoring.measure_latency(visit.ctx, visit.actor, shifted)
        earlier = {row.stage_name: row for row in before}
    shown: list[dict[str, object]] = []
    for row in rows:
        past = earlier.get(row.stage_name)
        for label, now, then in (
            (_("waited"), row.waited, past and past.waited),
            (_("ran"), row.ran, past and past.ran),
        ):
            week: dict[str, object] = (
                {} if scope.since is None else {_("p95 a week before"): _text(then.p95 if then else None)}
            )
            shown.append({_("Stage"): row.stage_name, "": label} | _percentiles(now) | week)
    st.dataframe(pd.DataFrame(shown), hide_index=True, key="latency")


def _stage(
    visit: shell.Visit,
    scope: Scope,
    timeline: Timeline,
    stage: str,
    *,
    marks: dict[str, datetime],
    bands: charts.Bands,
    number: int,
) -> None:
    points = [point for point in timeline.latency if point.stage_name == stage]
    by_days = timeline.span is not TimeSpan.HOUR  # a day stands on its own date, whatever the reader's zone
    zone = ZoneInfo(timeline.latency_zone) if by_days else visit.zone
    moments = [point.at.astimezone(zone) for point in points]
    titles = {
        "waited": _("{stage}: how long it waited").format(stage=stage),
        "ran": _("{stage}: how long it ran").format(stage=stage),
    }
    for column, (what, title) in zip(st.columns(2), titles.items(), strict=True):
        figures: list[Percentiles] = [getattr(point, what) for point in points]
        figure = charts.percentiles_over_time(
            moments,
            {share: [getattr(one, share) for one in figures] for share in _SHARES},
            samples=[one.samples for one in figures],
            is_open=points[-1].is_open,
            marks=marks,
            titles=(_("Seconds"), _("samples")),
            span=_LENGTHS[timeline.span],
            window=_window(visit, scope, moments),
        )
        charts.add_bands(figure, bands)
        column.markdown(f"**{title}**")
        column.plotly_chart(figure, key=f"latency-{what}-{number}", alt=title)


def _latency_table(visit: shell.Visit, timeline: Timeline) -> pd.DataFrame:
    zone = ZoneInfo(timeline.latency_zone) if timeline.span is not TimeSpan.HOUR else visit.zone
    return pd.DataFrame(
        [
            {
                _("From"): i18n.datetime_text(point.at, zone) + (" …" if point.is_open else ""),
                _("Stage"): point.stage_name,
                "": label,
                **_percentiles(figures),
            }
            for point in timeline.latency
            for label, figures in ((_("waited"), point.waited), (_("ran"), point.ran))
        ]
    )


def _window(visit: shell.Visit, scope: Scope, moments: Sequence[datetime]) -> tuple[datetime, datetime]:
    """From where to where the axis goes, in the visitor's zone."""
    start = scope.since.astimezone(visit.zone) if scope.since else moments[0]
    return min(start, moments[0]), (scope.until or visit.ctx.now()).astimezone(visit.zone)


def _throughput(
    visit: shell.Visit, scope: Scope, timeline: Timeline, marks: dict[str, datetime], bands: charts.Bands
) -> None:
    titles = {
        TimeSpan.HOUR: _("Arrivals and what ended, per hour"),
        TimeSpan.DAY: _("Arrivals and what ended, per day"),
        TimeSpan.WEEK: _("Arrivals and what ended, per week"),
    }
    title = titles[timeline.span]
    st.markdown(f"**{title}**")
    if not timeline.throughput:
        st.info(_("Nothing has ended in this window."))
        return
    columns = {
        "submitted": _("Arrived"),
        "completed": _("Passed"),
        "failed": _("Failed"),
        "requeued": _("Requeued"),
    }
    moments = [hour.hour.astimezone(visit.zone) for hour in timeline.throughput]
    series = {
        name: (label, [getattr(hour, name) for hour in timeline.throughput])
        for name, label in columns.items()
    }
    figure = charts.over_time(
        moments,
        series,
        span=_LENGTHS[timeline.span],
        marks=marks,
        x_title="",
        y_title=_("Submissions"),
        window=_window(visit, scope, moments),
    )
    charts.as_lines(figure)
    charts.add_bands(figure, bands)
    before = [(hour.hour.astimezone(visit.zone) + A_WEEK, hour.submitted) for hour in timeline.week_before]
    if before:
        charts.add_faint_line(figure, before, _("Arrived a week before"))
    st.plotly_chart(figure, key="hours-chart", alt=title)
    with st.expander(_("As a table"), key="hours-table"):
        st.dataframe(_throughput_table(visit, timeline, columns), hide_index=True, key="hours")


def _throughput_table(visit: shell.Visit, timeline: Timeline, columns: dict[str, str]) -> pd.DataFrame:
    before = {hour.hour + A_WEEK: hour.submitted for hour in timeline.week_before}

    def row(hour: HourCount) -> dict[str, object]:
        numbers = {label: getattr(hour, name) for name, label in columns.items()}
        past = {_("Arrived a week before"): before.get(hour.hour, 0)} if before else {}
        return {_("From"): i18n.datetime_text(hour.hour, visit.zone), **numbers, **past}

    return pd.DataFrame([row(hour) for hour in timeline.throughput])


def _percentiles(figures: Percentiles) -> dict[str, object]:
    return {_("Samples"): figures.samples, **{share: _text(getattr(figures, share)) for share in _SHARES}}


def _text(seconds: float | None) -> str:
    return i18n.duration_text(seconds)
