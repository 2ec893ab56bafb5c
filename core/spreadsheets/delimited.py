"""Delimited text, row by row: a broken row is told apart and takes no other row with it."""

from __future__ import annotations

import csv
import io
import re

from core.errors import UnreadableRoster
from core.spreadsheets.sheets import Sheet, Table

MOST_ROWS, MOST_COLUMNS = 10_100, 60
"""What is read; `child.py` has the same for workbooks."""

_LONGEST_LINE = 100_000
_MOST_LINES = 10
"""Lines that one quoted cell may span."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_AS_FORMULA = re.compile(r'="(.*)"')
"""How some systems keep Excel from turning a code into a number."""


def read_delimited(text: str, delimiter: str) -> Sheet:
    """Return the rows of `text`, and those whose quotes do not match as `broken`.

    Raises:
        UnreadableRoster: a line is too long to be one of a list.

    """
    lines = _LINE_END.split(text)
    if any(len(line) > _LONGEST_LINE for line in lines):
        raise UnreadableRoster(field="file")
    rows: Table = []
    broken: list[tuple[int, str]] = []
    at = number = 0
    while at < len(lines) and len(rows) < MOST_ROWS:
        number += 1
        width = len(rows[-1][1]) if rows else None
        row, taken = _read_row(lines, at, delimiter, width)
        if row is None:
            broken.append((number, lines[at]))
        else:
            cells = [_AS_FORMULA.sub(r"\1", cell.strip()) for cell in row[:MOST_COLUMNS]]
            if any(cells):
                rows.append((number, cells))
        at += taken
    return Sheet("", rows, tuple(broken))


def _read_row(lines: list[str], at: int, delimiter: str, width: int | None) -> tuple[list[str] | None, int]:
    """Return the row that starts at line `at`, None if it is broken, and how many lines it takes.

    A quoted cell may span lines, but not one with an e-mail address: that line is a row of its own.
    A quote within a cell is harmless where the row has as many cells as the one before (`width`).
    """
    line = lines[at]
    if '"' not in line:
        return line.split(delimiter), 1
    for taken in range(1, min(_MOST_LINES, len(lines) - at) + 1):
        if taken > 1 and "@" in lines[at + taken - 1]:
            break
        text = "\n".join(lines[at : at + taken])
        row = _parse(text, delimiter, strict=True)
        if row is not None and text.count('"') % 2 == 0:
            return row, taken
    if line.count('"') % 2 == 0:
        row = _parse(line, delimiter, strict=False)
        if row is not None and width in (None, len(row)):
            return row, 1
    return None, 1


def _parse(text: str, delimiter: str, *, strict: bool) -> list[str] | None:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
