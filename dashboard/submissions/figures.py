"""The figures of an assignment: a chart each, with its numbers as a table beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.services.statistics import Spread, Statistics
from dashboard import charts, i18n, shell

_ = i18n.gettext

_MANY_HOURS = timedelta(days=4)
_LONG_SECONDS = 600


def show(visit: shell.Visit, figures: Statistics) -> None:
    """Everything that is drawn of the assignment."""
    _headline(figures)
    if not figures.funnel.enrolled:
        st.info(_("No student is enrolled in this course yet. Add them on the page Courses."))
        return
    st.caption(_("Due {moment}").format(moment=i18n.datetime_text(figures.due, visit.zone)))
    if not figures.funnel.submitted:
        st.info(_("Nobody has submitted yet."))
        return
    left, right = st.columns(2)
    with left:
        _funnel(figures)
    with right:
        _pass_rates(figures)
    _over_time(visit, figures)
    left, right = st.columns(2)
    with left:
        _times(figures)
    with right:
        _often(figures)


def _headline(figures: Statistics) -> None:
    summary, funnel = figures.summary, figures.funnel
    share = f"{100 * funnel.submitted / funnel.enrolled:.0f} %" if funnel.enrolled else None
    shown = {
        _("Enrolled students"): (i18n.number_text(funnel.enrolled), None),
        _("Students who submitted"): (i18n.number_text(funnel.submitted), share),
        _("Submissions"): (
            i18n.number_text(summary.waiting + summary.running + summary.completed + summary.failed),
            None,
        ),
        _("Waiting or running"): (i18n.number_text(summary.waiting + summary.running), None),
        _("Passed"): (i18n.number_text(summary.completed), None),
        _("Failed"): (i18n.number_text(summary.failed), None),
        _("Requeues"): (i18n.number_text(summary.requeues), None),
    }
    with st.container(horizontal=True):
        for label, (number, delta) in shown.items():
            st.metric(label, number, delta, delta_color="off", delta_arrow="off", width="content")


def _chart(title: str, figure: go.Figure | None, data: Mapping[str, object], *, key: str, empty: str) -> None:
    """A titled chart with its table, or what to say without data."""
    st.markdown(f"**{title}**")
    if figure is None:
        st.info(empty)
        return
    st.plotly_chart(figure, key=key, alt=title, config={"displayModeBar": False})
    with st.expander(_("The numbers as a table"), key=f"{key}-data"):
        st.dataframe(pd.DataFrame(data), hide_index=True, key=f"{key}-table", alt=title)


def _funnel(figures: Statistics) -> None:
    funnel = figures.funnel
    steps = [(_("Enrolled"), funnel.enrolled), (_("Submitted"), funnel.submitted)]
    steps += [(_("Passed {stage}").format(stage=name), count) for name, count in funnel.passed]
    labels, numbers = [label for label, _n in steps], [number for _l, number in steps]
    texts = [f"{i18n.number_text(n)} ({100 * n / funnel.enrolled:.0f} %)" for n in numbers]
    figure = charts.level_bars(labels, numbers, texts, "running")
    figure.update_xaxes(title_text=_("Students, by their latest submission"))
    data = {_("Step"): labels, _("Students"): numbers}
    _chart(_("From enrolled to passed"), figure, data, key="funnel", empty="")


def _pass_rates(figures: Statistics) -> None:
    ended = [(row, row.completed + row.failed) for row in figures.stages]
    known = [(row, count) for row, count in ended if count]
    texts = [
        f"{100 * row.completed / count:.0f} % ({i18n.number_text(row.completed)} / {i18n.number_text(count)})"
        for row, count in known
    ]
    figure = charts.rates(
        [row.stage_name for row, _count in known],
        [row.completed / count for row, count in known],
        texts,
        _("Passed, of those that ended (%)"),
    )
    data = {
        _("Stage"): [row.stage_name for row in figures.stages],
        _("Waiting"): [row.waiting for row in figures.stages],
        _("Running"): [row.running for row in figures.stages],
        _("Passed"): [row.completed for row in figures.stages],
        _("Failed"): [row.failed for row in figures.stages],
    }
    _chart(
        _("Pass rate of each stage"),
        figure if known else None,
        data,
        key="rates",
        empty=_("No stage has ended yet."),
    )


def _over_time(visit: shell.Visit, figures: Statistics) -> None:
    hours = {row.hour.astimezone(visit.zone): row.submitted for row in figures.hours if row.submitted}
    due = figures.due.astimezone(visit.zone)
    per_day = bool(hours) and max(hours) - min(hours) > _MANY_HOURS
    counts = _by_day(hours) if per_day else hours
    title = _("Submissions per day") if per_day else _("Submissions per hour")
    figure = None
    if counts:
        figure = charts.over_time(
            list(counts),
            {"submitted": (_("Submissions"), list(counts.values()))},
            span=timedelta(days=1) if per_day else timedelta(hours=1),
            marks={_("due date"): due},
            x_title=_("Time ({zone})").format(zone=visit.zone.key),
            y_title=_("Submissions"),
        )
    data = {
        _("Time ({zone})").format(zone=visit.zone.key): [
            i18n.datetime_text(moment, visit.zone) for moment in counts
        ],
        _("Submissions"): list(counts.values()),
    }
    _chart(title, figure, data, key="over-time", empty=_("Nobody has submitted yet."))


def _by_day(hours: Mapping[datetime, int]) -> dict[datetime, int]:
    days: dict[datetime, int] = {}
    for moment, count in hours.items():
        day = moment.replace(hour=0, minute=0)
        days[day] = days.get(day, 0) + count
    return days


def _times(figures: Statistics) -> None:
    rows: list[tuple[str, Spread]] = []
    for stage in figures.times:
        rows.append((_("{stage}: waited").format(stage=stage.stage_name), stage.waiting))
        rows.append((_("{stage}: ran").format(stage=stage.stage_name), stage.running))
    rows.append((_("In all"), figures.feedback))
    known = [row for row in rows if row[1].samples]
    longest = max((spread.p99 or 0 for _label, spread in known), default=0)
    scale, unit = (60, _("minutes")) if longest > _LONG_SECONDS else (1, _("seconds"))

    def scaled(value: float | None) -> float | None:
        return None if value is None else round(value / scale, 2)

    shares = {
        "p50": [scaled(spread.p50) for _label, spread in known],
        "p90": [scaled(spread.p90) for _label, spread in known],
        "p99": [scaled(spread.p99) for _label, spread in known],
    }
    labels = [label for label, _spread in known]
    figure = charts.spreads(labels, shares, y_title=_("Time ({unit})").format(unit=unit))
    data = {
        _("What"): labels,
        **{f"{name} ({unit})": numbers for name, numbers in shares.items()},
        _("Samples"): [spread.samples for _label, spread in known],
    }
    empty = _("Nothing has ended yet.")
    _chart(_("Time to feedback"), figure if known else None, data, key="times", empty=empty)
    if figures.feedback.samples:
        one = "From handing in to the result, of the one submission that has ended."
        many = "From handing in to the result, over {count} submissions that have ended."
        st.caption(i18n.plural(one, many, figures.feedback.samples))


def _often(figures: Statistics) -> None:
    often = [number for number, _count in figures.submissions_per_student]
    students = [count for _number, count in figures.submissions_per_student]
    figure = charts.bars(
        often,
        {"submitted": (_("Students"), students)},
        x_title=_("Submissions of one student"),
        y_title=_("Students"),
    )
    figure.update_xaxes(dtick=1 if len(often) <= 20 else None)  # noqa: PLR2004  more ticks than that overlap
    data = {_("Submissions of one student"): often, _("Students"): students}
    _chart(_("Submissions per student"), figure, data, key="often", empty="")
