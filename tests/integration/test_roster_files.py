"""Lists of students in the forms that other systems and careless hands give them."""

from __future__ import annotations

import unicodedata

import pytest

from core.context import Context
from core.errors import NotASpreadsheet, UnknownChoice
from core.services import courses
from tests import builders, spreadsheets
from tests.rosters import ANA, HEADER, LUIS, PEOPLE, ROWS, delimited, reasons, students, upload

SECOND = [HEADER, ["202012347", "Ruiz", "Eva", "e.ruiz@uniandes.edu.co"]]
STAFF = [
    ["ID de alumno", "Apellidos", "Nombres", "Segundo nombre", "Email"],
    ["1", "Mora", "Ada", "", "a.mora@uniandes.edu.co"],
]


def in_sheets(**sheets: list[list[str]]) -> bytes:
    """The people of `ROWS` in the first sheet, others in more."""
    return spreadsheets.workbook(
        spreadsheets.sheet(ROWS), more={name: spreadsheets.sheet(rows) for name, rows in sheets.items()}
    )


def test_every_sheet_with_the_same_columns_is_read(ctx: Context) -> None:
    world = builders.world(ctx)

    outcome = upload(ctx, world, in_sheets(Notas=[["Nota"], ["5.0"]], Grupo2=SECOND))

    assert [(sheet.name, sheet.rows, sheet.is_read) for sheet in outcome.sheets] == [
        ("Lista", 2, True),
        ("Grupo2", 1, True),
    ]
    assert [(entry.sheet, entry.row) for entry in outcome.added] == [
        ("Lista", 4),
        ("Lista", 5),
        ("Grupo2", 2),
    ]
    assert len(students(ctx, world)) == 3


@pytest.mark.parametrize("name", ["Docentes", "Otra"])
def test_a_sheet_of_others_is_named_and_read_only_when_it_is_asked_for(ctx: Context, name: str) -> None:
    world = builders.world(ctx)
    content = in_sheets(**{name: STAFF if name == "Otra" else [HEADER, STAFF[1][:3] + STAFF[1][4:]]})

    outcome = upload(ctx, world, content)
    asked = courses.import_roster(ctx, world.professor, world.course_id, content, sheets=[name])

    assert [(sheet.name, sheet.is_read) for sheet in outcome.sheets] == [("Lista", True), (name, False)]
    assert students(ctx, world)[1:] == PEOPLE
    assert [entry.email for entry in asked.added] == ["a.mora@uniandes.edu.co"]
    with pytest.raises(UnknownChoice):
        courses.import_roster(ctx, world.professor, world.course_id, content, sheets=["Notas"])


def test_a_repeated_person_is_told_with_the_sheet_of_the_first(ctx: Context) -> None:
    world = builders.world(ctx)

    outcome = upload(ctx, world, in_sheets(Grupo2=[HEADER, ANA]))

    (left,) = outcome.rejected
    assert (left.sheet, left.row) == ("Grupo2", 2)
    assert "4 (Lista)" in left.reason.sentence("es")


PAGE = (
    "<html><head><meta charset=utf-8><style>td{color:red}</style></head><body><p>Listado</p>"
    "<table><tr><th>C&oacute;digo<th>Apellidos</th><th>Nombres</th><th>E-mail</th></tr>"
    "<tr><td>202012345</td><td>Gómez&nbsp;Núñez</td><td>Ana\n  María</td>"
    "<td><a href='mailto:x'>am.gomez@uniandes.edu.co</a></td></tr>"
    "<tr><td>202012346<td>Pérez<td>Luis<td>l.perez@uniandes.edu.co</table></body></html>"
)
SPREADSHEET_ML = """<?xml version="1.0"{encoding}?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Styles><Style ss:ID="Default"/></Styles>
<Worksheet ss:Name="Lista"><Table>
<Row><Cell ss:MergeAcross="1"><Data ss:Type="String">Curso</Data></Cell></Row>
<Row ss:Index="3"><Cell><Data ss:Type="String">ID de alumno</Data></Cell>
<Cell><Data>Apellidos</Data></Cell><Cell><Data>Nombres</Data></Cell>
<Cell ss:Index="5"><Data>Email</Data></Cell></Row>
<Row><Cell><Data ss:Type="Number">202012345</Data></Cell><Cell><Data>Gómez Núñez</Data>
<Comment><Data>dice algo</Data></Comment></Cell>
<Cell><Data>Ana María</Data></Cell><Cell ss:Index="5"><Data>am.gomez@uniandes.edu.co</Data></Cell></Row>
<Row><Cell><Data>202012346</Data></Cell><Cell><Data>Pérez</Data></Cell><Cell><Data>Luis</Data></Cell>
<Cell/><Cell><Data>l.perez@uniandes.edu.co</Data></Cell></Row></Table></Worksheet></Workbook>"""

PAGES = {
    "a web page": PAGE.encode(),
    "a web page with a byte order mark": PAGE.encode("utf-8-sig"),
    "a web page in Latin-1": PAGE.replace("utf-8", "ISO-8859-1").encode("latin-1"),
    "a web page with a table around": f"<table><tr><td>{PAGE}</td></tr></table>".encode(),
    "XML of Excel 2003": SPREADSHEET_ML.format(encoding="").encode(),
    "XML of Excel 2003 in Windows-1252": SPREADSHEET_ML.format(encoding=' encoding="windows-1252"').encode(
        "cp1252"
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_that_registrars_call_xls_are_read(ctx: Context, name: str) -> None:
    world = builders.world(ctx)

    outcome = upload(ctx, world, PAGES[name])

    assert students(ctx, world) == PEOPLE
    assert outcome.doubtful_names == ()


@pytest.mark.parametrize(
    "content", [b"<html><body>Sign in</body></html>", b"MIME-Version: 1.0\nContent-Type: multipart/related\n"]
)
def test_a_page_without_a_table_is_called_a_page(ctx: Context, content: bytes) -> None:
    with pytest.raises(NotASpreadsheet, match="web page"):
        upload(ctx, builders.world(ctx), content)


def test_entities_of_a_document_are_not_expanded(ctx: Context) -> None:
    world = builders.world(ctx)
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    hostile = f'<!DOCTYPE t [<!ENTITY a0 "ha"><!ENTITY x SYSTEM "file:///etc/passwd">{laughs}]>'

    upload(
        ctx,
        world,
        f"{hostile}<table><tr><td>Email<td>Nombre<tr><td>a@uniandes.edu.co<td>&a8;&x;</table>",
    )

    assert students(ctx, world) == [("a@uniandes.edu.co", "&a8;&x;", None)]


HEADINGS: dict[str, list[list[str]]] = {
    "Moodle in Spanish": [
        ["Nombre", "Apellido(s)", "Número de ID", "Institución", "Dirección Email"],
        *([r[2], r[1], r[0], "", r[3]] for r in (ANA, LUIS)),
    ],
    "Moodle in English": [
        ["First name", "Last name", "ID number", "Department", "Email address"],
        *([r[2], r[1], r[0], "", r[3]] for r in (ANA, LUIS)),
    ],
    "Brightspace": [
        ["OrgDefinedId", "Username", "Last Name", "First Name", "Email", "End-of-Line Indicator"],
        *(["#" + r[0], "#" + r[3].split("@")[0], r[1], r[2], r[3], "#"] for r in (ANA, LUIS)),
    ],
    "Banner in English": [
        ["Banner ID", "Student Name", "Preferred Email"],
        *([r[0], f"{r[1]}, {r[2]}", r[3]] for r in (ANA, LUIS)),
    ],
    "Banner in Spanish": [
        ["ID Banner", "Nombre del estudiante", "Correo electrónico institucional"],
        *([r[0], f"{r[1]}, {r[2]}", r[3]] for r in (ANA, LUIS)),
    ],
    "tables of Banner": [
        ["SPRIDEN_ID", "SPRIDEN_LAST_NAME", "SPRIDEN_FIRST_NAME", "GOREMAL_EMAIL_ADDRESS"],
        *([r[0], r[1], r[2], r[3]] for r in (ANA, LUIS)),
    ],
    "Canvas, whose login is an address": [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"],
        *([f"{r[1]}, {r[2]}", "77", r[0], r[3], "1"] for r in (ANA, LUIS)),
    ],
    "four parts of a name": [
        ["Código", "Primer apellido", "Segundo apellido", "Primer nombre", "Segundo nombre", "Correo"],
        [ANA[0], "Gómez", "Núñez", "Ana", "María", ANA[3]],
        [LUIS[0], "Pérez", "", "Luis", "", LUIS[3]],
    ],
    "a personal address before the one that is accepted": [
        ["Correo", "Email", "ID", "Nombre completo"],
        *([f"{n}@gmail.com", r[3], r[0], f"{r[2]} {r[1]}"] for n, r in enumerate((ANA, LUIS))),
    ],
    "codes kept from becoming numbers": [
        HEADER,
        *([f'="{r[0]}"', *r[1:]] for r in (ANA, LUIS)),
    ],
}


@pytest.mark.parametrize("name", HEADINGS)
def test_headings_of_other_systems_are_known(ctx: Context, name: str) -> None:
    world = builders.world(ctx)

    outcome = upload(ctx, world, delimited(HEADINGS[name], ";"))

    assert students(ctx, world) == PEOPLE
    assert reasons(outcome) == []


QUOTES: dict[str, tuple[str, list[tuple[int, str]], list[str]]] = {
    "a quote that never ends": (
        'Email,Nombre\na@uniandes.edu.co,"Ana\nb@uniandes.edu.co,Beto\nc@uniandes.edu.co,Caro\n',
        [(2, "BrokenQuotes")],
        ["Beto", "Caro"],
    ),
    "a quote that ends in another row": (
        'Email,Nombre\na@uniandes.edu.co,"Ana\nb@uniandes.edu.co,Beto"\nc@uniandes.edu.co,Caro\n',
        [(2, "BrokenQuotes"), (3, "BrokenQuotes")],
        ["Caro"],
    ),
    "a quoted part of a name": (
        'Email,Nombre\na@uniandes.edu.co,"La Nena" Ana\nb@uniandes.edu.co,Ana "La Nena"\n',
        [],
        ["La Nena Ana", 'Ana "La Nena"'],
    ),
    "a quote that moves the cells": (
        'Email,Nombre,Código\na@uniandes.edu.co,"Ana, "la, nena"" Paz",1\nb@uniandes.edu.co,Beto,2\n',
        [(2, "BrokenQuotes")],
        ["Beto"],
    ),
    "a cell of two lines": (
        'Email,Nombre,Dirección\na@uniandes.edu.co,Ana,"Calle 1\nBogotá"\nb@uniandes.edu.co,Beto,\n',
        [],
        ["Ana", "Beto"],
    ),
}


@pytest.mark.parametrize("name", QUOTES)
def test_a_broken_row_is_named_and_takes_no_other_with_it(ctx: Context, name: str) -> None:
    world = builders.world(ctx)
    content, left_out, names = QUOTES[name]

    outcome = upload(ctx, world, content)

    assert reasons(outcome) == left_out
    assert [full_name for _, full_name, _ in students(ctx, world)] == names
    assert all("@uniandes.edu.co" in rejection.email for rejection in outcome.rejected)


@pytest.mark.parametrize(
    ("encoding", "doubtful"),
    [
        ("utf-8", ()),
        ("utf-16", ()),
        ("cp1252", ("Ana María Gómez Núñez", "Luis Pérez")),
        ("mac_roman", ("Ana María Gómez Núñez", "Luis Pérez")),
        ("cp850", ("Ana María Gómez Núñez", "Luis Pérez")),
    ],
)
def test_names_are_read_in_the_likely_encoding_and_told_where_it_is_a_guess(
    ctx: Context, encoding: str, doubtful: tuple[str, ...]
) -> None:
    world = builders.world(ctx)

    outcome = upload(ctx, world, delimited(ROWS, ";").encode(encoding))

    assert students(ctx, world) == PEOPLE
    assert outcome.doubtful_names == doubtful


def test_names_are_kept_in_one_unicode_form(ctx: Context) -> None:
    world = builders.world(ctx)

    upload(ctx, world, unicodedata.normalize("NFD", delimited(ROWS)))

    assert students(ctx, world) == PEOPLE
