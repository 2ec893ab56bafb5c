"""Charts: data in, figure out. One visual language (Okabe–Ito), built without plotly.express."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

COLOURS = {
    "submitted": "#56B4E9",
    "waiting": "#999999",
    "running": "#0072B2",
    "completed": "#009E73",
    "failed": "#D55E00",
    "requeued": "#CC79A7",
}
"""Okabe–Ito: told apart with any colour vision."""


def bars(positions: Sequence[object], series: Mapping[str, tuple[str, Sequence[int]]]) -> go.Figure:
    """Stacked bars: `series` maps a colour's name to (label, one number per position)."""
    figure = go.Figure(
        [
            go.Bar(x=list(positions), y=list(numbers), name=label, marker_color=COLOURS[colour])
            for colour, (label, numbers) in series.items()
        ]
    )
    figure.update_layout(
        barmode="stack",
        height=300,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.15},
        yaxis={"rangemode": "tozero", "tickformat": "d"},
    )
    return figure
