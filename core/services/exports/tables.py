"""Tables as files that spreadsheets open, and open safely."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Generator, Iterable, Sequence

from xlsxwriter import Workbook

Cell = str | int | float | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection)."""

_SEPARATORS = {"es": ";"}
"""Where the comma separates decimals, Excel separates the cells of a CSV by semicolons."""

_CHUNK = 262_144
_IN_MEMORY = 1_000_000
_BATCH = 500


def as_csv(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], *, language: str
) -> Generator[bytes, None, None]:
    """Return a CSV in UTF-8 with a BOM, in pieces, as Excel in `language` opens it.

    A text that would be a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=_SEPARATORS.get(language, ","))
    text.write("\ufeff")
    writer.writerow([_harmless(name) for name in header])
    for count, row in enumerate(rows, 1):
        writer.writerow([_harmless(cell) for cell in row])
        if count % _BATCH == 0:
            yield _taken(text)
    yield _taken(text)


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _taken(text: io.StringIO) -> bytes:
    content = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return content


def as_xlsx(
    sheet: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Generator[bytes, None, None]:
    """An XLSX of one sheet, in pieces. Texts are texts: nothing in it is a formula or a link."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        with Workbook(file, options) as book:
            page = book.add_worksheet(sheet[:31])
            bold = book.add_format({"bold": True})
            page.freeze_panes(1, 0)
            for column, name in enumerate(header):
                page.write_string(0, column, name, bold)
            for line, row in enumerate(rows, 1):
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        page.write_string(line, column, cell)
                    elif cell is not None:
                        page.write_number(line, column, cell)
        file.seek(0)
        while piece := file.read(_CHUNK):
            yield piece
