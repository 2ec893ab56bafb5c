"""What the platform says in a log is read in Spanish; what a node says stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module

import pytest

from core.services import dry_runs
from core.services.reports import runs
from core.services.submissions import LogLine
from core.vocabulary import LogLevel, LogSource
from dashboard import i18n
from dashboard.task_view.lines import as_recorded, said

_SUBMIT = import_module("core.services.submissions.submit")
"""By its name: the package calls a function so, too."""

SAID_BY_THE_PLATFORM = (
    _SUBMIT._IN_TIME,
    _SUBMIT._LATE,
    dry_runs._RECEIVED,
    *(f"{text}: run 2" for text in runs._SAID.values()),
    "PARSING: PENDING → IN_PROGRESS",
    "PARSING: FAILED → COMPLETED, its files are up",
    "Late or repeated report: PARSING FAILED (stays COMPLETED)",
    "Late requeue notice for an earlier attempt",
    "Requeued by hand: attempt 2",
    "Requeued since nothing was heard of it: attempt 3",
    "Run again on trial: attempt 2",
    "Trial applied: attempt 2 counts",
    "Trial discarded: attempt 1 counts",
    "Stalled: nothing heard for 12 min; the last was: PARSING\nbegun",
)


def line(message: str, source: LogSource = LogSource.PLATFORM) -> LogLine:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return LogLine(
        id=1,
        logged_at=at,
        attempt=1,
        run=1,
        stage_name=None,
        level=LogLevel.INFO,
        source=source,
        message=message,
    )


@pytest.mark.parametrize("message", SAID_BY_THE_PLATFORM)
def test_what_the_platform_says_is_read_in_spanish(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "es")
    spanish = said(line(message))
    monkeypatch.setattr(i18n, "language", lambda: "en")

    assert spanish != message
    assert not {"IN_PROGRESS", "COMPLETED", "attempt", "run"} & set(spanish.replace(":", " ").split())
    assert said(line(message)) == message


@pytest.mark.parametrize("message", ["PARSING: PENDING → IN_PROGRESS", "Requeued by hand: attempt 2"])
def test_what_a_node_says_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "es")

    assert said(line(message, LogSource.ORCHESTRATOR)) == message


@pytest.mark.parametrize("message", ["PARSING: NOTHING → KNOWN", "Something else: attempt 2", ""])
def test_what_is_not_known_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "es")

    assert said(line(message)) == message


@pytest.mark.parametrize("message", SAID_BY_THE_PLATFORM)
def test_each_word_that_is_read_leads_to_what_is_recorded(
    monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "es")

    for word in said(line(message)).split():
        alternatives = (word, *as_recorded(word.upper()))
        assert any(text.casefold() in message.casefold() for text in alternatives), (word, alternatives)


def test_a_number_and_a_status_are_looked_for_as_they_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "es")
    move = said(line("PARSING: PENDING → IN_PROGRESS"))

    assert "parsing: PENDING → IN_PROGRESS" in as_recorded(move)
    assert "Requeued by hand: attempt 2" in as_recorded("mano: intento 2")
    assert not {"Requeued by hand: attempt 2", "Requeued by hand: attempt "} & set(as_recorded("intento 3"))
    assert as_recorded(" ") == ()


def test_in_english_what_is_read_is_what_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "en")

    assert as_recorded("Requeued") == ()
