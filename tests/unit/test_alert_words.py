"""Alerts say their figures as people do."""

from __future__ import annotations

import pytest

from core.services.alerts import words
from core.vocabulary import AlertKind


@pytest.mark.parametrize(
    ("minutes", "english", "spanish"),
    [
        (28_060, "19 days 11 hours", "19 días 11 horas"),
        (1_440, "1 day", "1 día"),
        (1_445, "1 day", "1 día"),
        (125, "2 hours 5 minutes", "2 horas 5 minutos"),
        (15, "15 minutes", "15 minutos"),
        (1.5, "1 minute 30 seconds", "1 minuto 30 segundos"),
        (0, "0 seconds", "0 segundos"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(minutes: float, english: str, spanish: str) -> None:
    assert words.span(minutes, "en") == english
    assert words.span(minutes, "es") == spanish


@pytest.mark.parametrize(
    "kind",
    [AlertKind.WAITING, AlertKind.SILENCE, AlertKind.NO_CONSUMER, AlertKind.UNREACHABLE, AlertKind.WRITES],
)
def test_an_alert_says_minutes_as_a_span(kind: AlertKind) -> None:
    said = words.sentence(kind, "en", subject="files", value=28_060, threshold=15)

    assert "19 days 11 hours" in said
    assert "28060" not in said


def test_a_share_and_a_count_stay_numbers() -> None:
    assert "45 %" in words.sentence(AlertKind.FAILURES, "en", subject="", value=45, threshold=12)
    assert "3 reports" in words.sentence(AlertKind.PARKED, "en", subject="", value=3, threshold=1)
