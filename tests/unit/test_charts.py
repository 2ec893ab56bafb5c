"""Charts go over their whole window, and draw nothing where there are no numbers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dashboard import charts, i18n

DAY = timedelta(days=1)
WINDOW = (datetime(2026, 3, 1), datetime(2026, 3, 31, 15))  # noqa: DTZ001  as shown


@pytest.fixture(autouse=True)
def _spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "es")


def test_the_axis_of_bars_is_the_window() -> None:
    moments = [WINDOW[0] + 3 * DAY, WINDOW[0] + 4 * DAY]
    series = {"requeued": ("Reencolados", [2.0, 1.0])}

    figure = charts.over_time(moments, series, span=DAY, marks={}, x_title="", y_title="", window=WINDOW)

    assert tuple(figure.layout.xaxis.range) == WINDOW


@pytest.mark.parametrize("is_open", [False, True])
def test_a_line_has_a_gap_where_days_have_no_numbers(is_open: bool) -> None:
    moments = [WINDOW[0] + number * DAY for number in (0, 1, 5, 6)]
    shares = {name: [1.0, 2.0, 3.0, 4.0] for name in ("p50", "p95", "p99")}

    figure = charts.percentiles_over_time(
        moments,
        shares,
        samples=[1, 1, 1, 1],
        is_open=is_open,
        marks={},
        titles=("Segundos", "muestras"),
        span=DAY,
        window=WINDOW,
    )

    drawn = figure.data[0].y
    assert list(drawn) == [1.0, 2.0, None, 3.0] + ([] if is_open else [4.0])
    assert tuple(figure.layout.xaxis.range) == WINDOW


def test_a_dashed_line_does_not_cross_a_gap() -> None:
    moments = [WINDOW[0], WINDOW[0] + 4 * DAY]
    shares = {name: [1.0, 2.0] for name in ("p50", "p95", "p99")}

    figure = charts.percentiles_over_time(
        moments,
        shares,
        samples=[1, 1],
        is_open=True,
        marks={},
        titles=("Segundos", "muestras"),
        span=DAY,
        window=WINDOW,
    )

    assert [list(line.y) for line in figure.data[:2]] == [[1.0], [2.0]]
