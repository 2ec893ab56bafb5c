"""The process that reads one workbook or web page: bytes in, JSON out, killed by the system at its limits.

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
from html.parser import HTMLParser

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

MEMORY = 768 * 1024 * 1024
"""Bytes of address space; a workbook of ten thousand rows takes about 150 million."""

CPU_SECONDS = 10

Rows = list[tuple[int, list[str]]]
Named = tuple[str, Rows]
"""Name of a sheet, and its rows that are not blank, each with its number."""

SHEETS, ROWS, COLUMNS, CHARACTERS, TOTAL = 100, 10_100, 60, 500, 8_000_000
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


def tables(content: bytes) -> list[Named]:
    """Return the visible sheets of a workbook, or the tables of a page, as texts."""
    found = list(
        itertools.islice(pages(content) if content.lstrip()[:1] == b"<" else sheets(content), SHEETS + 1)
    )
    if len(found) > SHEETS:
        sys.exit("too many sheets")
    return found


def sheets(content: bytes) -> Iterator[Named]:
    """Read the visible sheets of a workbook."""
    left = TOTAL
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
        for sheet in book.sheets_metadata:
            if sheet.typ != SheetTypeEnum.WorkSheet or sheet.visible != SheetVisibleEnum.Visible:
                continue
            found = list(itertools.islice(rows(book.get_sheet_by_name(sheet.name)), ROWS))
            left -= sum(len(cell) for _, cells in found for cell in cells)
            if left < 0:
                sys.exit("too much text")
            yield sheet.name, found


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


class Grid:
    """A table while it is read."""

    def __init__(self, name: str) -> None:
        self.name, self.rows, self.number = name, Rows(), 0
        self.cells: list[str] = []
        self.text: list[str] | None = None
        """What is in the open cell; None between cells."""
        self.span = 1

    def open_row(self, number: int) -> None:
        """Begin the row `number`; 0 is the next one."""
        self.close_row()
        self.number = number or self.number + 1

    def open_cell(self, column: int, span: int) -> None:
        """Begin a cell, in `column` (0 is the next one), over `span` columns."""
        self.close_cell()
        self.cells += [""] * (min(column, COLUMNS) - 1 - len(self.cells))
        self.text, self.span = [], max(1, min(span, COLUMNS))

    def close_cell(self) -> None:
        """End the open cell, if there is one."""
        if self.text is not None:
            self.cells += [as_text(" ".join("".join(self.text).split()))] + [""] * (self.span - 1)
        self.text = None

    def close_row(self) -> None:
        """End the open row, if there is one."""
        self.close_cell()
        if any(self.cells) and len(self.rows) < ROWS:
            self.rows.append((self.number, self.cells[:COLUMNS]))
        self.cells = []


class Tables(HTMLParser):
    """The tables of a web page, or the sheets of Excel's XML of 2003, both saved as .xls by registrars.

    The parser knows neither entities of documents nor files, so there is nothing to expand or fetch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Grid] = []
        self.open: list[Grid] = []
        self.in_comment = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, a row or a cell. Prefixes of XML names (`ss:`) do not matter."""
        kind = tag.rpartition(":")[2]
        values = {name.rpartition(":")[2]: value or "" for name, value in attrs}
        if kind == "worksheet" or (kind == "table" and not (self.open and self.open[-1].name)):
            self.open.append(Grid(values.get("name", "") if kind == "worksheet" else ""))
            self.done.append(self.open[-1])
        elif kind == "comment":
            self.in_comment = True
        elif self.open and kind in {"tr", "row"}:
            self.open[-1].open_row(_number(values.get("index")))
        elif self.open and kind in {"td", "th", "cell"}:
            span = _number(values.get("colspan")) or _number(values.get("mergeacross")) + 1
            self.open[-1].open_cell(_number(values.get("index")), span)

    def handle_endtag(self, tag: str) -> None:
        """End what `handle_starttag` began."""
        kind = tag.rpartition(":")[2]
        if kind == "comment":
            self.in_comment = False
        elif self.open and kind in {"td", "th", "cell"}:
            self.open[-1].close_cell()
        elif self.open and kind in {"tr", "row"}:
            self.open[-1].close_row()
        elif self.open and (kind == "worksheet" or (kind == "table" and not self.open[-1].name)):
            self.open.pop().close_row()

    def handle_data(self, data: str) -> None:
        """Add to the open cell."""
        if self.open and self.open[-1].text is not None and not self.in_comment:
            self.open[-1].text.append(data)


def pages(content: bytes) -> Iterator[Named]:
    """Read the tables of a page that have rows; those without a name are numbered."""
    parser = Tables()
    parser.feed(content.decode())
    parser.close()
    for grid in parser.open:
        grid.close_row()
    for number, grid in enumerate((grid for grid in parser.done if grid.rows), 1):
        yield grid.name or str(number), grid.rows


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else 0  # noqa: PLR2004 - sane


if __name__ == "__main__":
    limit()
    try:
        json.dump(tables(sys.stdin.buffer.read()), sys.stdout)
    except (CalamineError, MemoryError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
