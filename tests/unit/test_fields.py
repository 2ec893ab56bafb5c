"""What is wrong with a field is said with the word that the screen uses for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from core.errors import BadText, Required, TooLong
from dashboard import fields, i18n

ROOT = Path(__file__).parents[2]
CLEANERS = {"clean_text", "clean_name", "_text", "_clean"}


def fields_of_use_cases() -> set[str]:
    """Names of fields in the errors that use cases raise: `field="…"` and the first word of a cleaner."""
    found: set[str] = set()
    for path in sorted((ROOT / "core" / "services").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            named = [word.value for word in node.keywords if word.arg == "field"]
            if getattr(node.func, "id", "") in CLEANERS:
                named += node.args[:2]
            found |= {
                value.value
                for value in named
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.islower()
            }
    return found


def test_every_field_of_a_use_case_has_a_word_for_people() -> None:
    found = fields_of_use_cases()

    assert {"note", "email", "course_name"} <= found
    assert found - set(fields.names()) == set()


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("field", sorted(fields_of_use_cases() | {"stages.0.routing_key", "some_field"}))
def test_no_error_names_a_field_as_programs_do(
    monkeypatch: pytest.MonkeyPatch, language: str, field: str
) -> None:
    monkeypatch.setattr(i18n, "language", lambda: language)

    for error in (Required(field=field), TooLong(field=field, limit=500), BadText(field=field)):
        said = fields.sentence(error)
        shown = said[said.index("«" if language == "es" else "“") + 1 :]
        assert not shown.startswith(f"{field}»")
        assert "_" not in said
        assert ".0." not in said


def test_a_word_of_the_screen_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "en")

    assert fields.sentence(Required(field="Name")) == "Name is missing. Fill it in and try again."


def test_an_empty_note_is_asked_for_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "es")

    assert fields.sentence(Required(field="note")) == "Falta «Nota». Complétalo e intenta de nuevo."
