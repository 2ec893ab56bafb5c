"""Finds the first real error in an output."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.first_error import frameworks, programs
from core.first_error.causes import fold, same_in_every_language
from core.first_error.found import LINE_LIMIT, Found

SENTENCE_LIMIT = 300

_CHARACTERS_READ = 1_000_000
_LINES_READ = 20_000
"""Of a longer output the first half of this and the last half are read."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")

_SUMMARY = re.compile(
    r"[\s=]*(?:"
    r"\d+ (?:prueba|test)\(s\) (?:pasaron|passed), \d+ (?:fallaron|failed)\.?"
    r"|(?:\d+ (?:passed|failed|errors?|skipped|warnings?|pending|passing|failing|total|x\w{6}|deselected)"
    r"(?: \([\d.]+m?s\))?[, ]*)+(?:in [\d.]+ ?s(?: \([\d:]+\))?)?"
    r"|(?:Tests|Test Suites|Snapshots|Time):\s.{0,120}"
    r"|(?:\[ERROR\] )?Tests run: \d+.{0,120}"
    r"|Ran \d+ tests? in [\d.]+s"
    r"|(?:FAILED|OK) \((?:failures|errors|skipped)=\d+.{0,60}\)"
    r"|\d+ tests? completed, \d+ failed"
    r"|BUILD (?:FAILED|FAILURE|SUCCESSFUL).{0,40}|FAILURES!?|FAIL|FAILED"
    r"|(?:Task )?processing completed (?:un)?successfully"
    r")[\s=.]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FirstError:
    """An error as people read it, and what it has in common with others of the same cause.

    `sentence`: one line, with the actual values, and the place at its end.
    `cause`: the same without what differs between students: names of files, numbers, quoted values.
    """

    sentence: str
    cause: str


_FORMATS: tuple[Callable[[Sequence[str]], Found | None], ...] = (
    frameworks.pytest,
    frameworks.unittest,
    frameworks.mocha,
    frameworks.jest,
    frameworks.junit,
    frameworks.go_test,
    programs.gcode,
    programs.python,
    programs.compiler,
    programs.exception,
    programs.shell,
    programs.generic,
)
"""Test frameworks come first: what they print around a failed test may look like other errors."""


def find_first_error(output: str) -> FirstError | None:
    """Return the first real error in `output`, or None if no line of it looks like one.

    A framework's summary ("3 failed, 2 passed") is never an error.
    """
    lines = _lines(output)
    for find in _FORMATS:
        found = find(lines)
        if found is not None and found.message.strip():
            return _described(found)
    return None


def is_summary(text: str) -> bool:
    """Return whether `text` only counts results and names no error."""
    return _SUMMARY.fullmatch(text[:LINE_LIMIT].strip()) is not None


def _lines(output: str) -> list[str]:
    """Return the lines that are read, without colours."""
    if len(output) > _CHARACTERS_READ:
        half = _CHARACTERS_READ // 2
        output = output[:half] + "\n" + output[-half:]
    lines = output.replace("\r", "\n").split("\n")
    if len(lines) > _LINES_READ:
        lines = [*lines[: _LINES_READ // 2], *lines[-_LINES_READ // 2 :]]
    cut = (line[:LINE_LIMIT].rstrip() for line in lines)
    return [_ESCAPES.sub("", line) if "\x1b" in line else line for line in cut]


def _described(found: Found) -> FirstError:
    message = " ".join(found.message.split())
    said = message
    if found.statement and found.statement not in message:
        said = f"{found.statement} → {message}"
    if found.test:
        said = f"{found.test}: {said}"
    place = f" ({found.place})" if found.place else ""
    sentence = said[: SENTENCE_LIMIT - len(place)] + place
    known = same_in_every_language(message)
    if known:
        return FirstError(sentence, known)
    if not found.is_assertion:
        return FirstError(sentence, fold(message))
    asserted = fold(found.statement or message, values=True)
    test = fold(found.test) if found.test else ""
    return FirstError(sentence, f"{test}: {asserted}" if test else asserted)
