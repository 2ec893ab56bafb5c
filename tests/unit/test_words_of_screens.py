"""What the screens say with a number agrees with it, and spans of time have one form."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from core.services.alerts import words
from core.vocabulary import AlertKind
from dashboard import i18n

ROOT = Path(__file__).parents[2]
PLURAL = re.compile(r"\{(?:count|total|minutes|days|groups|failures)\} [a-z]+s\b")
ALWAYS_MANY = (
    "Passed nothing, failed at least {count} times",
    "A sample goes through all stages",
    "It passed, but after {count} runs",
    "It crashes on the nodes over and over",
)
"""Beginnings of texts whose numbers are never one."""


def calls(name: str) -> Iterator[list[str]]:
    """The literal texts of each call of `name` in the dashboard and its pages."""
    for folder in ("dashboard", "pages"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
                    yield [
                        text.value
                        for text in node.args
                        if isinstance(text, ast.Constant) and isinstance(text.value, str)
                    ]


def test_a_number_before_a_noun_is_said_through_plural() -> None:
    texts = {text for found in calls("_") for text in found}

    assert [text for text in texts if PLURAL.search(text) and not text.startswith(ALWAYS_MANY)] == []


def test_every_plural_has_both_forms_in_spanish() -> None:
    with (ROOT / "dashboard/locale/es/LC_MESSAGES/dashboard.po").open("rb") as file:
        pairs = {entry.id: entry.string for entry in read_po(file) if isinstance(entry.id, tuple)}

    used = {tuple(found) for found in calls("i18n.plural") if found}

    assert len(pairs) > 10
    assert used - set(pairs) == set()
    assert [
        pair
        for pair, texts in pairs.items()
        if not isinstance(texts, tuple) or not all(texts) or len(texts) != 2
    ] == []


@pytest.mark.parametrize(
    ("count", "language", "said"),
    [
        (1, "es", "1 causa"),
        (2, "es", "2 causas"),
        (0, "es", "0 causas"),
        (1_234, "es", "1.234 causas"),
        (1, "en", "1 cause"),
        (0, "en", "0 causes"),
    ],
)
def test_a_noun_agrees_with_its_number(
    monkeypatch: pytest.MonkeyPatch, count: int, language: str, said: str
) -> None:
    monkeypatch.setattr(i18n, "language", lambda: language)

    assert i18n.plural("{count} cause", "{count} causes", count) == said


def test_one_report_is_one() -> None:
    def sentence(value: float) -> str:
        return words.sentence(AlertKind.PARKED, "es", subject="", value=value, threshold=1)

    assert sentence(1) == "Un reporte no se pudo aplicar y espera a alguien."
    assert sentence(2).startswith("2 reportes no se pudieron aplicar")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "—"), (0.2, "0 s"), (29, "29 s"), (74, "1 min 14 s"), (3_600, "1 h"), (7_500, "2 h 5 min")],
)
def test_spans_of_time_have_one_form(seconds: float | None, said: str) -> None:
    assert i18n.duration_text(seconds) == said


def test_the_clock_in_the_browser_uses_the_same_units() -> None:
    for script in ("live/clock.js", "monitoring/wall.js"):
        units = re.findall(r'\["(\w+)", ([\d_]+)\]', (ROOT / "dashboard" / script).read_text())
        assert tuple((unit, int(length)) for unit, length in units) == i18n._UNITS
