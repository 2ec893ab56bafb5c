"""Charts: data in, figure out. One visual language (Okabe–Ito), built without plotly.express.

Axes have titles with their units. Moments are given in the reader's zone and written in numbers,
because Plotly knows month names in English only.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import plotly.graph_objects as go

from dashboard import i18n

COLOURS = {
    "submitted": "#56B4E9",
    "waiting": "#999999",
    "running": "#0072B2",
    "completed": "#009E73",
    "failed": "#D55E00",
    "requeued": "#CC79A7",
}
"""Okabe–Ito: told apart with any colour vision."""

Series = Mapping[str, tuple[str, Sequence[float | None]]]
"""A colour's name → (label, one number per position)."""

MARK = "#E69F00"
"""A line at a moment; seen on light and dark."""

Bands = Sequence[tuple[str, datetime, datetime]]
"""A label, and from when to when."""

_HEIGHT = 300
_LOG_FROM = 20
"""Where the largest number is so many times the smallest, a linear axis hides the small ones."""
_LEAST_SECONDS = 0.001
"""A log axis has no 0."""
_GAP = 1.5
"""What follows later than so many spans does not follow at once; a day may have 25 hours."""
_DAYS_WITH_HOURS = timedelta(days=3)


def bars(
    positions: Sequence[object],
    series: Series,
    *,
    x_title: str = "",
    y_title: str = "",
    mode: Literal["stack", "group"] = "stack",
) -> go.Figure:
    """Upright bars, stacked or side by side."""
    figure = go.Figure(
        [
            go.Bar(x=list(positions), y=list(numbers), name=label, marker_color=COLOURS[colour])
            for colour, (label, numbers) in series.items()
        ]
    )
    _dress(figure, legend=len(series) > 1)
    figure.update_layout(barmode=mode)
    figure.update_xaxes(title_text=x_title)
    figure.update_yaxes(title_text=y_title, rangemode="tozero", tickformat=",d")
    return figure


def level_bars(
    labels: Sequence[str], numbers: Sequence[float], texts: Sequence[str], colour: str
) -> go.Figure:
    """Lying bars from top to bottom, each with its text: steps that follow one another."""
    figure = go.Figure(
        go.Bar(
            x=list(numbers),
            y=list(labels),
            text=list(texts),
            orientation="h",
            marker_color=COLOURS[colour],
            textposition="auto",
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    _dress(figure, legend=False)
    figure.update_layout(height=max(160, 60 + 44 * len(labels)))
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(rangemode="tozero", tickformat=",d")
    return figure


def rates(labels: Sequence[str], shares: Sequence[float], texts: Sequence[str], x_title: str) -> go.Figure:
    """As `level_bars`, of shares between 0 and 1 on an axis from 0 to 100 %."""
    figure = level_bars(labels, shares, texts, "completed")
    figure.update_xaxes(range=[0, 1], tickformat=".0%", title_text=x_title)
    return figure


def over_time(
    moments: Sequence[datetime],
    series: Series,
    *,
    span: timedelta,
    marks: Mapping[str, datetime],
    x_title: str,
    y_title: str,
    window: tuple[datetime, datetime] | None = None,
) -> go.Figure:
    """Bars over time, each `span` wide from its moment on, with an upright line at each of `marks`.

    `marks` maps a label to its moment. All moments are shown by the clock that they carry. The axis goes
    over the whole `window`, whatever part of it has numbers.
    """
    times = [moment.replace(tzinfo=None) for moment in moments]
    figure = bars(times, series, x_title=x_title, y_title=y_title)
    _mark(figure, marks)
    figure.update_traces(offset=0, width=0.92 * span / timedelta(milliseconds=1))
    ends = [moment.replace(tzinfo=None) for moment in (*marks.values(), *(window or ()))]
    _by_time(figure, [*times, *ends])
    if window is not None:
        figure.update_xaxes(range=[moment.replace(tzinfo=None) for moment in window])
    return figure


def as_lines(figure: go.Figure) -> None:
    """Bars side by side instead of stacked: series of which none is a part of another."""
    figure.update_layout(barmode="group")
    figure.update_traces(offset=None, width=None)


def add_faint_line(figure: go.Figure, points: Sequence[tuple[datetime, float]], label: str) -> None:
    """A dotted line behind what is drawn, for comparison."""
    figure.add_scatter(
        x=[moment.replace(tzinfo=None) for moment, _number in points],
        y=[number for _moment, number in points],
        name=label,
        mode="lines",
        line={"dash": "dot", "width": 2, "color": COLOURS["waiting"]},
    )
    figure.update_layout(showlegend=True)


def add_bands(figure: go.Figure, bands: Bands) -> None:
    """Shade spans of time behind what is drawn, each with a sign that says its label to the pointer."""
    for label, start, end in bands:
        begun, over = start.replace(tzinfo=None), end.replace(tzinfo=None)
        line = {"dash": "dot", "width": 2, "color": COLOURS["failed"]}
        figure.add_vrect(
            x0=begun, x1=over, fillcolor=COLOURS["failed"], opacity=0.15, line_width=0, layer="below"
        )
        figure.add_shape(type="line", x0=begun, x1=begun, yref="paper", y0=0, y1=1, line=line)
        figure.add_annotation(
            x=begun,
            yref="paper",
            y=0,
            yanchor="bottom",
            xanchor="left",
            text="▲",
            hovertext=html.escape(label),
            font={"color": COLOURS["failed"]},
            showarrow=False,
        )


def percentiles_over_time(
    moments: Sequence[datetime],
    shares: Mapping[str, Sequence[float | None]],
    *,
    samples: Sequence[int],
    is_open: bool,
    marks: Mapping[str, datetime],
    titles: tuple[str, str],
    span: timedelta,
    window: tuple[datetime, datetime],
) -> go.Figure:
    """A line per percentile on a log axis; where the last span `is_open` its way there is dashed.

    Where a moment does not follow the one before by `span`, the line has a gap. The axis goes over `window`.
    `titles`: of the axis with its unit, and what `samples` are called where the pointer is.
    """
    y_title, sampled = titles
    times = [moment.replace(tzinfo=None) for moment in moments]
    figure = go.Figure()
    over = len(times) - 1 if is_open else len(times)
    for colour, (name, numbers) in zip(("submitted", "running", "requeued"), shares.items(), strict=True):
        look = {
            "line_color": COLOURS[colour],
            "name": name,
            "hovertemplate": f"%{{x}}<br>%{{y:.3~g}} s, %{{customdata}} {sampled}",
        }
        drawn = [number if number is None else max(number, _LEAST_SECONDS) for number in numbers]
        x, y, counts = _with_gaps(times[:over], drawn[:over], samples[:over], span)
        figure.add_scatter(x=x, y=y, customdata=counts, mode="lines+markers", **look)
        if is_open:
            follows = over > 0 and times[over] - times[over - 1] <= _GAP * span
            last = slice(over - 1 if follows else over, None)
            figure.add_scatter(
                x=times[last],
                y=drawn[last],
                customdata=samples[last],
                mode="lines+markers",
                line_dash="dash",
                marker_symbol="circle-open",
                showlegend=False,
                **look,
            )
    _dress(figure, legend=True)
    figure.update_yaxes(title_text=f"{y_title}, log", type="log", dtick="D2")
    _mark(figure, marks)
    ends = [moment.replace(tzinfo=None) for moment in window]
    _by_time(figure, [*times, *ends])
    figure.update_xaxes(range=ends)
    return figure


def _with_gaps(
    times: Sequence[datetime], numbers: Sequence[float | None], samples: Sequence[int], span: timedelta
) -> tuple[list[datetime], list[float | None], list[int]]:
    """Return the points with an empty one wherever the next does not follow at once."""
    x: list[datetime] = []
    y: list[float | None] = []
    counts: list[int] = []
    for moment, number, count in zip(times, numbers, samples, strict=True):
        if x and moment - x[-1] > _GAP * span:
            x.append(x[-1] + span)
            y.append(None)
            counts.append(0)
        x.append(moment)
        y.append(number)
        counts.append(count)
    return x, y, counts


def spreads(
    labels: Sequence[str], shares: Mapping[str, Sequence[float | None]], *, y_title: str
) -> go.Figure:
    """Percentiles side by side: `shares` maps its name (`p50`) to one number per label."""
    colours = ("submitted", "running", "requeued")
    figure = go.Figure(
        [
            go.Bar(x=list(labels), y=list(numbers), name=name, marker_color=COLOURS[colour])
            for colour, (name, numbers) in zip(colours, shares.items(), strict=False)
        ]
    )
    _dress(figure, legend=True)
    figure.update_layout(barmode="group")
    known = [number for numbers in shares.values() for number in numbers if number]
    if known and max(known) > _LOG_FROM * min(known):
        figure.update_yaxes(title_text=f"{y_title}, log", type="log", dtick=1)
    else:
        figure.update_yaxes(title_text=y_title, rangemode="tozero")
    return figure


def _mark(figure: go.Figure, marks: Mapping[str, datetime]) -> None:
    for label, moment in marks.items():
        at = moment.replace(tzinfo=None)
        line = {"dash": "dash", "width": 2, "color": MARK}
        figure.add_shape(type="line", x0=at, x1=at, yref="paper", y0=0, y1=1, line=line)
        figure.add_annotation(x=at, yref="paper", y=1, text=label, showarrow=False, yanchor="bottom")


def _by_time(figure: go.Figure, moments: Sequence[datetime]) -> None:
    short = max(moments) - min(moments) <= _DAYS_WITH_HOURS
    day = "%d/%m" if i18n.language() == "es" else "%m-%d"
    year = "%d/%m/%Y" if i18n.language() == "es" else "%Y-%m-%d"
    figure.update_layout(margin_t=28)
    figure.update_xaxes(type="date", tickformat=f"{day} %H:%M" if short else year, nticks=8)
    figure.update_xaxes(hoverformat=f"{year} %H:%M")


def _dress(figure: go.Figure, *, legend: bool) -> None:
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.15},
        showlegend=legend,
        separators=",." if i18n.language() == "es" else ".,",
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
