"""A list of people out of the tables of a file, however its columns are called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import RosterTooLong, RosterWithoutEmails
from core.spreadsheets import Table

MOST_PEOPLE = 10_000
HEADER_WITHIN = 20
"""Rows among which the one with the names of the columns is looked for; titles may stand above it."""

_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        spelling: column
        for column, spellings in {
            "code": "iddealumno iddelalumno idalumno idestudiante iddeestudiante id codigo codigoestudiante"
            " codigodelestudiante codigoalumno carnet matricula studentid studentnumber idnumber",
            "last": "apellidos apellido primerapellido lastname lastnames surname surnames familyname",
            "first": "nombres nombre primernombre firstname firstnames givenname givennames",
            "name": "nombrecompleto nombreyapellido nombresyapellidos apellidosynombres fullname name"
            " estudiante alumno student",
            "email": "email emails correo correoelectronico correoinstitucional correouniandes mail"
            " emailaddress emailuniandes emailinstitucional direcciondecorreo"
            " direcciondecorreoelectronico direcciondeemail usuariouniandes universityemail",
        }.items()
        for spelling in spellings.split()
    }
)
"""Spelling (see `_plain`) → what the column holds. The first five are the university's own export."""


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One person as the file has them, not checked. `number` is the row as the file shows it, from 1."""

    number: int
    email: str
    full_name: str
    student_code: str


def find_people(tables: Sequence[Table]) -> list[RosterRow]:
    """The people of whichever table has the most columns that we know.

    Raises:
        RosterWithoutEmails: no table has a column of e-mails.
        RosterTooLong: there are more than `MOST_PEOPLE` rows.

    """
    headers = [(header, table) for table in tables if (header := _find_header(table)) is not None]
    if not headers:
        raise RosterWithoutEmails(field="file")
    (start, columns), table = max(headers, key=lambda found: len(found[0][1]))
    people = list(_people(table, start, columns))
    if len(people) > MOST_PEOPLE:
        raise RosterTooLong(field="file", limit=MOST_PEOPLE)
    return people


def _find_header(table: Table) -> tuple[int, dict[str, int]] | None:
    """Index of the header row, and what stands in which column."""
    for index, (_, row) in enumerate(table[:HEADER_WITHIN]):
        columns: dict[str, int] = {}
        for position, cell in enumerate(row):
            column = _COLUMNS.get(_plain(cell))
            if column is not None:
                columns.setdefault(column, position)
        if "email" in columns:
            return index, columns
    return None


def _people(table: Table, start: int, columns: Mapping[str, int]) -> Iterator[RosterRow]:
    for number, row in table[start + 1 :]:
        values = {name: row[at] if at < len(row) else "" for name, at in columns.items()}
        if not any(values.values()):
            continue
        full_name = f"{values.get('first', '')} {values.get('last', '')}".strip() or values.get("name", "")
        yield RosterRow(number, values["email"], full_name, values.get("code", ""))


def _plain(heading: str) -> str:
    """`heading` without accents, capitals and signs: `ID de Alumno` and `id_de_alumno` are the same."""
    decomposed = unicodedata.normalize("NFKD", heading.removeprefix("\ufeff")).casefold()
    return re.sub(r"[^a-z0-9]", "", decomposed)
