"""What leaves the platform as a file: tables that are safe to open, archives that are whole."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.context import ORCHESTRATOR, Actor, Context
from core.errors import NotAllowed, NotFound
from core.services import accounts, exports
from core.services.exports import Contents
from core.services.submissions import StudentFilter
from dashboard import answers, process
from dashboard import exports as route
from tests import builders
from tests.builders import World

DANGEROUS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx")


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


@pytest.fixture
def client(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(process, "context", lambda: ctx)
    with TestClient(Starlette(routes=[route.ROUTE], exception_handlers=answers.HANDLERS)) as made:
        yield made


def cookie(ctx: Context, actor: Actor) -> dict[str, str]:
    """The cookie header of a browser in which `actor` has just signed in."""
    ticket = accounts.open_ticket(ctx, actor.user_id or 0, nonce="nonce")
    token = accounts.redeem_ticket(ctx, ticket=ticket, nonce="nonce", user_agent="tests")
    return {"Cookie": f"{process.SESSION_COOKIE}={token}"}


def archive_of(ctx: Context, actor: Actor, wanted: StudentFilter, contents: Contents) -> zipfile.ZipFile:
    pieces = exports.open_archive(ctx, actor, wanted, contents).pieces
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


def index_of(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read("index.csv").decode("utf-8-sig"))))


def test_a_csv_opens_in_spreadsheets_and_holds_no_formula() -> None:
    content = b"".join(exports.as_csv(["name", "count"], [[cell, -3] for cell in DANGEROUS], language="en"))

    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows[1:] == [[f"'{cell}", "-3"] for cell in DANGEROUS]


def test_an_xlsx_holds_texts_and_numbers_as_they_are_and_no_formula() -> None:
    content = b"".join(exports.as_xlsx("Sheet", ["name", "count"], [["=1+1", 3], ["ñandú", None]]))

    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    assert sheet.to_python() == [["name", "count"], ["=1+1", 3.0], ["ñandú", ""]]
    with zipfile.ZipFile(io.BytesIO(content)) as made:
        assert b"<f>" not in made.read("xl/worksheets/sheet1.xml")


def test_all_originals_are_in_the_archive_byte_for_byte_under_stable_names(
    ctx: Context, world: World
) -> None:
    sent = {}
    for number, place in enumerate(builders.classmates(ctx, world, 3)):
        file = builders.archive(main_gcode=f"G28 ; {number}")
        receipt = builders.submit(ctx, place, file=file)
        sent[f"classmate{number}@uniandes.edu.co/{receipt.reference}.zip"] = file.getvalue()
    wanted = StudentFilter(world.assignment_id)

    with archive_of(ctx, world.professor, wanted, Contents.ORIGINALS) as made:
        assert made.testzip() is None
        assert {name: made.read(name) for name in made.namelist() if name != "index.csv"} == sent
        assert [row["problem"] for row in index_of(made)] == ["", "", ""]
    with archive_of(ctx, world.monitor, wanted, Contents.ORIGINALS) as again:
        assert set(again.namelist()) == {*sent, "index.csv"}


def test_no_two_students_share_a_folder(ctx: Context, world: World) -> None:
    places = builders.classmates(ctx, world, 3)
    emails = ["a%b@uniandes.edu.co", "a'b@uniandes.edu.co", "a_b@uniandes.edu.co"]
    with ctx.db.transaction() as session:
        for place, email in zip(places, emails, strict=True):
            values = {"email": email, "id": place.student.user_id}
            session.execute(text("UPDATE users SET email = :email WHERE id = :id"), values)
    for place in places:
        builders.submit(ctx, place)

    with archive_of(ctx, world.professor, StudentFilter(world.assignment_id), Contents.ORIGINALS) as made:
        folders = {row["student"]: row["folder"] for row in index_of(made)}
        assert len({name.split("/")[0] for name in made.namelist() if "/" in name}) == 3
    assert set(folders) == set(emails)
    assert folders["a_b@uniandes.edu.co"] == "a_b@uniandes.edu.co"


@pytest.mark.parametrize(("language", "separator"), [("es", ";"), ("en", ",")])
def test_every_export_holds_the_code_and_opens_in_the_readers_spreadsheet(
    ctx: Context, world: World, client: TestClient, language: str, separator: str
) -> None:
    builders.submit(ctx, world)
    with ctx.db.transaction() as session:
        session.execute(
            text("UPDATE users SET student_code = '0020', language = :language"), {"language": language}
        )
    address, signed_in = f"?assignment={world.assignment_id}", cookie(ctx, world.professor)

    def rows_of(content: bytes) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=separator))

    (table,) = rows_of(client.get(f"/exports/students.csv{address}", headers=signed_in).content)
    assert "0020" in table.values()
    for name in ("originals", "results"):
        whole = client.get(f"/exports/{name}.zip{address}", headers=signed_in).content
        with zipfile.ZipFile(io.BytesIO(whole)) as made:
            header = made.read("index.csv").decode("utf-8-sig").splitlines()[0]
            assert header.split(separator)[2] == "code"
            assert all(row["code"] == "0020" for row in rows_of(made.read("index.csv")))
    sheet = client.get(f"/exports/students.xlsx{address}", headers=signed_in).content
    cells = CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    assert "0020" in cells[1]


def test_a_file_that_is_gone_is_named_and_spoils_nothing_else(ctx: Context, world: World) -> None:
    places = builders.classmates(ctx, world, 2)
    first, second = (builders.submit(ctx, place) for place in places)
    with ctx.db.transaction() as session:
        path = session.scalar(text("SELECT original_path FROM task WHERE id = :id"), {"id": first.task_id})
    ctx.storage.delete(path)

    with archive_of(ctx, world.professor, StudentFilter(world.assignment_id), Contents.ORIGINALS) as made:
        assert made.namelist() == [f"classmate1@uniandes.edu.co/{second.reference}.zip", "index.csv"]
        problems = {row["reference"]: row["problem"] for row in index_of(made)}
        assert problems[first.reference]
        assert problems[second.reference] == ""


def test_the_table_says_what_came_late(ctx: Context, world: World, client: TestClient) -> None:
    in_time, late = builders.classmates(ctx, world, 2)
    builders.submit(ctx, in_time)
    task_id = builders.submit(ctx, late).task_id
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE task SET is_late = true WHERE id = :id"), {"id": task_id})

    answer = client.get(
        f"/exports/students.csv?assignment={world.assignment_id}", headers=cookie(ctx, world.professor)
    )

    rows = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    assert {row["Estudiante"]: row["Tarde"] for row in rows} == {
        "classmate0@uniandes.edu.co": "",
        "classmate1@uniandes.edu.co": "Sí",
        "student@uniandes.edu.co": "",
    }


def test_results_are_those_of_attempts_that_have_ended(ctx: Context, world: World) -> None:
    ended, waiting = (builders.submit(ctx, place) for place in builders.classmates(ctx, world, 2))
    builders.carry(ctx)
    builders.fail(ctx, ORCHESTRATOR, ended.task_id)

    with archive_of(ctx, world.professor, StudentFilter(world.assignment_id), Contents.RESULTS) as made:
        assert made.namelist() == [
            f"classmate0@uniandes.edu.co/{ended.reference}-attempt-1.zip",
            "index.csv",
        ]
        assert waiting.reference not in made.read("index.csv").decode()


@pytest.mark.parametrize("role", ["student", "stranger"])
def test_only_who_teaches_gets_an_archive(ctx: Context, world: World, role: str) -> None:
    builders.submit(ctx, world)

    with pytest.raises((NotAllowed, NotFound)):
        exports.open_archive(
            ctx, getattr(world, role), StudentFilter(world.assignment_id), Contents.ORIGINALS
        )


def test_the_table_holds_what_matches_and_nothing_else(
    ctx: Context, world: World, client: TestClient
) -> None:
    for place in builders.classmates(ctx, world, 60):
        last = builders.submit(ctx, place).task_id
    builders.fail(ctx, ORCHESTRATOR, last)
    signed_in = cookie(ctx, world.professor)

    everybody = client.get(f"/exports/students.csv?assignment={world.assignment_id}", headers=signed_in)
    failed = client.get(
        f"/exports/students.csv?assignment={world.assignment_id}&status=failed", headers=signed_in
    )

    rows = list(csv.reader(io.StringIO(everybody.content.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 62
    assert rows[0][:6] == ["Estudiante", "Nombre", "Código", "Estado", "PARSING", "EXECUTION"]
    (only,) = list(csv.reader(io.StringIO(failed.content.decode("utf-8-sig")), delimiter=";"))[1:]
    assert only[:2] == ["classmate59@uniandes.edu.co", "Classmate59"]
    assert only[3:6] == ["Fallida", "Fallida", "No ejecutada"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("students.csv?assignment=1", 401),
        ("students.pdf?assignment=1", 404),
        ("students.csv?assignment=x", 404),
        ("students.csv?assignment=1&status=lost", 404),
        ("originals.zip?assignment=999", 404),
    ],
)
def test_an_export_that_may_not_be_is_refused_in_words(
    ctx: Context, world: World, client: TestClient, path: str, status: int
) -> None:
    headers = {} if status == 401 else cookie(ctx, world.professor)

    answer = client.get(f"/exports/{path}", headers=headers)

    assert answer.status_code == status
    assert answer.text


def test_a_student_gets_no_table(ctx: Context, world: World, client: TestClient) -> None:
    answer = client.get(
        f"/exports/students.xlsx?assignment={world.assignment_id}", headers=cookie(ctx, world.student)
    )

    assert answer.status_code == 403
