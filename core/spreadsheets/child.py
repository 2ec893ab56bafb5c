"""The process that reads one workbook: bytes in, JSON out, and an end by the system if it wants too much.

It is run as a file, apart from the rest (`python -I`), so that hostile content meets an empty room: no
settings, no secrets in the environment, no connection, and limits that hold.
"""

from __future__ import annotations

import io
import itertools
import json
import resource
import sys
from collections.abc import Iterator
from datetime import date

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

MEMORY = 768 * 1024 * 1024
"""Bytes of address space; a workbook of ten thousand rows takes about 150 million."""

CPU_SECONDS = 10
SHEETS, ROWS, COLUMNS, CHARACTERS, TOTAL = 5, 10_100, 60, 500, 8_000_000
"""What is passed on: sheets, rows of each that are not blank, columns, characters of a cell and in all."""


def limit() -> None:
    """Give up the right to more than a list of people needs."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def tables(content: bytes) -> list[list[tuple[int, list[str]]]]:
    """The visible sheets as texts, each row with its number."""
    found = []
    left = TOTAL
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
        for sheet in book.sheets_metadata:
            if sheet.typ != SheetTypeEnum.WorkSheet or sheet.visible != SheetVisibleEnum.Visible:
                continue
            found.append(list(itertools.islice(rows(book.get_sheet_by_name(sheet.name)), ROWS)))
            left -= sum(len(cell) for _, cells in found[-1] for cell in cells)
            if left < 0:
                sys.exit("too much text")
            if len(found) == SHEETS:
                break
    return found


def rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, numbered from 1 as the program shows them."""
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [as_text(cell) for cell in row[:COLUMNS]]
        if any(cells):
            yield number, cells


def as_text(cell: object) -> str:
    """A cell as people see it. Of a formula there is only the value that was last shown."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).replace("\0", "").strip()[:CHARACTERS]


if __name__ == "__main__":
    limit()
    try:
        json.dump(tables(sys.stdin.buffer.read()), sys.stdout)
    except (CalamineError, MemoryError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
