"""A list of people out of the tables of a file, however its columns are called."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from core.errors import RosterTooLong, RosterWithoutEmails, UnknownChoice
from core.services.courses.headings import column_of
from core.spreadsheets import Document, Sheet

MOST_PEOPLE = 10_000
HEADER_WITHIN = 20
"""Rows among which the one with the names of the columns is looked for; titles may stand above it."""

_STAFF = re.compile(r"prof|docente|monitor|asistente|instructor|teacher|staff|equipo", re.IGNORECASE)
"""Names of sheets that list who teaches."""


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One person as the file has them, not checked. `number` is the row as the file shows it, from 1."""

    sheet: str
    number: int
    email: str
    full_name: str
    student_code: str


@dataclass(frozen=True, slots=True)
class RosterSheet:
    """A sheet of the file with a column of e-mails: how many `rows` it has, and whether they were read."""

    name: str
    rows: int
    is_read: bool


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that could not be cut into cells."""

    sheet: str
    number: int
    line: str


@dataclass(frozen=True, slots=True)
class RosterFile:
    """All that a file says of people. `sheets` is empty for a file with one sheet of people."""

    people: tuple[RosterRow, ...]
    broken: tuple[BrokenRow, ...]
    sheets: tuple[RosterSheet, ...]


@dataclass(frozen=True, slots=True)
class _Header:
    """Where the names of the columns stand, and all places of each column, the most specific first."""

    sheet: Sheet
    index: int
    columns: dict[str, list[int]]


def find_people(
    document: Document, domains: Collection[str], wanted: Collection[str] | None = None
) -> RosterFile:
    """Return the people of the file.

    Of several sheets with people those are read that have the columns of the first one and are not
    named after staff; or those that `wanted` names. `domains` are those of the addresses that are
    accepted: of several columns of addresses, the one with the most of them counts.

    Raises:
        RosterWithoutEmails: no sheet has a column of e-mails.
        RosterTooLong: there are more than `MOST_PEOPLE` rows.
        UnknownChoice: `wanted` names a sheet that has no people.

    """
    readings = [
        [header for sheet in reading if (header := _find_header(sheet))] for reading in document.readings
    ]
    headers = max(readings, key=lambda found: max((len(header.columns) for header in found), default=0))
    if not headers:
        raise RosterWithoutEmails(field="file")
    chosen = _choose(headers, wanted)
    people = [row for header in chosen for row in _people(header, domains)]
    if len(people) > MOST_PEOPLE:
        raise RosterTooLong(field="file", limit=MOST_PEOPLE)
    broken = [BrokenRow(header.sheet.name, *row) for header in chosen for row in header.sheet.broken]
    sheets = [
        RosterSheet(header.sheet.name, len(header.sheet.rows) - header.index - 1, header in chosen)
        for header in headers
    ]
    return RosterFile(tuple(people), tuple(broken), tuple(sheets if len(sheets) > 1 else ()))


def _choose(headers: Sequence[_Header], wanted: Collection[str] | None) -> list[_Header]:
    if wanted is not None:
        for name in wanted:
            if name not in {header.sheet.name for header in headers}:
                raise UnknownChoice(field="sheets", value=name)
        return [header for header in headers if header.sheet.name in wanted]
    students = [header for header in headers if not _STAFF.search(header.sheet.name)] or list(headers)
    return [header for header in students if header.columns.keys() == students[0].columns.keys()]


def _find_header(sheet: Sheet) -> _Header | None:
    for index, (_, row) in enumerate(sheet.rows[:HEADER_WITHIN]):
        found: dict[str, list[tuple[int, int]]] = {}
        for position, cell in enumerate(row):
            if (known := column_of(cell)) is not None:
                found.setdefault(known[0], []).append((known[1], position))
        columns = {name: [position for _, position in sorted(places)] for name, places in found.items()}
        if "email" in columns or _holds_addresses(sheet, index, columns.get("login", [])):
            return _Header(sheet, index, columns)
    return None


def _holds_addresses(sheet: Sheet, index: int, positions: Sequence[int]) -> bool:
    """Return whether people sign in elsewhere with their address, so that a login is one."""
    return any("@" in _cell(row, at) for _, row in sheet.rows[index + 1 :] for at in positions)


def _people(header: _Header, domains: Collection[str]) -> Iterator[RosterRow]:
    body = header.sheet.rows[header.index + 1 :]
    addresses = [*header.columns.get("email", []), *header.columns.get("login", [])]
    email_at = max(addresses, key=lambda at: _count_addresses(body, at, domains))
    codes = header.columns.get("code", [])
    code_at = next((at for at in codes if any(_cell(row, at) for _, row in body)), -1)
    names = {name: places[0] for name, places in header.columns.items()}
    for number, row in body:
        values = {name: _cell(row, at) for name, at in names.items()}
        email, code = _cell(row, email_at), _cell(row, code_at).lstrip("#").strip()
        name = _full_name(values)
        if email or code or name:
            yield RosterRow(header.sheet.name, number, email, name, code)


def _count_addresses(
    body: Sequence[tuple[int, list[str]]], at: int, domains: Collection[str]
) -> tuple[int, int]:
    """Return how many addresses of `domains`, and how many addresses at all, stand in a column."""
    cells = [_cell(row, at).casefold() for _, row in body]
    allowed = sum(cell.rstrip("> ;,").rpartition("@")[2] in domains for cell in cells)
    return allowed, sum("@" in cell for cell in cells)


def _full_name(values: dict[str, str]) -> str:
    parts = [values.get(name, "") for name in ("first", "middle", "last", "second_last")]
    if any(parts):
        return " ".join(part for part in parts if part)
    last, comma, first = values.get("name", "").partition(",")
    return f"{first.strip()} {last.strip()}" if comma and first.strip() else last.strip()


def _cell(row: Sequence[str], at: int) -> str:
    return row[at] if 0 <= at < len(row) else ""
