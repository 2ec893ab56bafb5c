"""What is read from a file of tables."""

from __future__ import annotations

from dataclasses import dataclass

Table = list[tuple[int, list[str]]]
"""The rows that are not blank, each with its number (from 1) as a spreadsheet program shows it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook, one table of a web page, or a text, whose name is empty."""

    name: str
    rows: Table
    broken: tuple[tuple[int, str], ...] = ()
    """Rows of a text whose quotes do not match: number and first line."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it may be meant: a text has one reading for each delimiter, a workbook only one."""

    readings: tuple[tuple[Sheet, ...], ...]
    is_guess: bool = False
    """Whether the encoding was guessed, so that accented letters may be wrong."""
