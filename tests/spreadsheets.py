"""Small .xlsx files, written part by part so that tests can write what no program would."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def text_cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def sheet(rows: Sequence[Sequence[str | int]]) -> str:
    """The XML of rows of texts and numbers; an empty row is left out, as programs do."""
    lines = []
    for number, row in enumerate(rows, 1):
        cells = [
            text_cell(f"{chr(65 + at)}{number}", value)
            if isinstance(value, str)
            else f'<c r="{chr(65 + at)}{number}"><v>{value}</v></c>'
            for at, value in enumerate(row)
        ]
        if cells:
            lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return "".join(lines)


def workbook(rows_xml: str, *, more: Mapping[str, str] | None = None) -> bytes:
    """A workbook of the sheet `Lista` with these rows, and of `more` sheets by their names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, xml in _parts({"Lista": rows_xml} | dict(more or {})).items():
            made.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{xml}')
    return content.getvalue()


def bomb(size: int) -> bytes:
    """A workbook of which one cell unpacks to `size` characters."""
    before, after = sheet([["Email"]]) + '<row r="2"><c r="A2" t="inlineStr"><is><t>', "</t></is></c></row>"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, xml in _parts({"Lista": f"{before}BOMB{after}"}).items():
            head, _, tail = xml.partition("BOMB")
            with made.open(name, "w") as part:
                part.write(head.encode())
                for _ in range(size // 1_000_000 if tail else 0):
                    part.write(b"a" * 1_000_000)
                part.write(tail.encode())
    return content.getvalue()


def _parts(sheets: Mapping[str, str]) -> dict[str, str]:
    numbers = range(1, len(sheets) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPES}.worksheet+xml"/>'
        for n in numbers
    )
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{related}'
        "</Relationships>",
    } | {
        f"xl/worksheets/sheet{n}.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{xml}</sheetData></worksheet>'
        for n, xml in enumerate(sheets.values(), 1)
    }
