"""Enrolling a course from the university's list, however it was saved and whatever is in it."""

from __future__ import annotations

import io
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.context import PLATFORM, Actor, Context
from core.errors import (
    NotAllowed,
    NotFound,
    RosterTooLong,
    RosterWithoutEmails,
    TooLarge,
    UnreadableRoster,
)
from core.models import User
from core.services import accounts, courses
from core.services.courses import Delivery, RosterOutcome
from core.vocabulary import Role
from tests import builders, spreadsheets
from tests.rosters import (
    ANA,
    HEADER,
    LUIS,
    PEOPLE,
    ROWS,
    TITLE,
    delimited,
    numbered,
    reasons,
    students,
    upload,
)

SAMPLES = Path(__file__).resolve().parents[1] / "samples"

FILES: dict[str, bytes] = {
    "xlsx": spreadsheets.workbook(
        spreadsheets.sheet([TITLE, [], HEADER, [202012345, *ANA[1:]], [202012346, *LUIS[1:]]])
    ),
    "xls": (SAMPLES / "roster.xls").read_bytes(),
    "csv": delimited(ROWS).encode(),
    "csv with a byte order mark and semicolons": delimited(ROWS, ";").encode("utf-8-sig"),
    "csv in Latin-1 with semicolons": delimited(ROWS, ";").encode("latin-1"),
    "tabs in UTF-16, as Excel's Unicode text": delimited(ROWS, "\t").encode("utf-16"),
    "line ends of an old Mac": delimited(ROWS, end="\r").encode(),
    "English headings in another order": delimited(
        [
            ["E-mail", "Student ID", "First Name", "Last_name"],
            *([r[3], r[0], r[2], r[1]] for r in (ANA, LUIS)),
        ]
    ).encode(),
    "shouted headings with accents and more columns": delimited(
        [
            ["N°", "CÓDIGO", "APELLIDO", "NOMBRE", "CORREO ELECTRÓNICO", "Nota"],
            *([str(n), *row, ""] for n, row in enumerate((ANA, LUIS))),
        ]
    ).encode(),
    "one column for the whole name": delimited(
        [["ID", "Nombre completo", "Correo"], *([r[0], f"{r[2]} {r[1]}", r[3]] for r in (ANA, LUIS))]
    ).encode(),
    "addresses as they are copied": delimited(
        [
            HEADER,
            [*ANA[:3], "\u200b mailto:AM.Gomez@uniandes.edu.co\u00a0"],
            [*LUIS[:3], "<l.perez@uniandes.edu.co>; "],
        ]
    ).encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_every_way_of_saving_a_list_enrols_the_same_people(ctx: Context, name: str) -> None:
    world = builders.world(ctx)

    outcome = upload(ctx, world, FILES[name])

    assert students(ctx, world) == PEOPLE
    assert (outcome.created, len(outcome.added), reasons(outcome)) == (2, 2, [])


def test_a_dry_run_says_the_same_and_changes_nothing(ctx: Context) -> None:
    world = builders.world(ctx)
    content = delimited([*ROWS, ["", "", "", "bad address"], ["", "", "", "student@uniandes.edu.co"]])

    tried = upload(ctx, world, content, dry_run=True)
    before = students(ctx, world)
    done = upload(ctx, world, content)

    assert before == []
    assert tried.dry_run
    assert tried.invitations == ()
    assert (tried.added, tried.already_there) == (done.added, done.already_there)
    assert reasons(tried) == reasons(done) == [(6, "BadEmail")]
    assert [entry.email for entry in tried.already_there] == ["student@uniandes.edu.co"]


def test_uploading_a_list_again_changes_nothing_and_invites_nobody(ctx: Context) -> None:
    world = builders.world(ctx)
    first = upload(ctx, world, delimited(ROWS))
    again = upload(ctx, world, delimited(ROWS))

    assert [invitation.email for invitation in first.invitations] == [email for email, _, _ in PEOPLE]
    assert (again.created, again.added, again.invitations) == (0, (), ())
    assert [entry.row for entry in again.already_there] == [4, 5]
    assert students(ctx, world) == PEOPLE


def test_each_row_that_is_left_out_says_why_in_the_readers_language(ctx: Context) -> None:
    world = builders.world(ctx)
    with ctx.db.transaction() as session:
        session.add(User(email="closed@uniandes.edu.co", created_at=ctx.now(), disabled_at=ctx.now()))
        session.flush()
        closed = session.scalars(select(User.id).where(User.email == "closed@uniandes.edu.co")).one()
    mine = courses.create_course(ctx, world.professor, name="Another of mine")
    courses.enrol(ctx, PLATFORM, mine, closed, Role.STUDENT)
    rows = [
        HEADER,
        ["1", "Sin", "Correo", ""],
        ["2", "Mal", "Escrito", "ñandú@uniandes.edu.co"],
        ["3", "De", "Fuera", "x@gmail.com"],
        ["4", "Largo", "n" * 201, "largo@uniandes.edu.co"],
        ["5", "Bien", "Va", "va@uniandes.edu.co"],
        ["6", "Bien", "Va", "VA@uniandes.edu.co "],
        ["7", "Closed", "", "closed@uniandes.edu.co"],
        ["8", "", "", "monitor@uniandes.edu.co"],
    ]

    outcome = upload(ctx, world, delimited(rows))

    assert reasons(outcome) == [
        (2, "Required"),
        (3, "BadEmail"),
        (4, "EmailNotAllowed"),
        (5, "TooLong"),
        (7, "RepeatedRow"),
        (8, "AccountClosed"),
        (9, "HasOtherRole"),
    ]
    repeated = outcome.rejected[4].reason
    assert repeated.sentence("es").startswith("El mismo correo ya está en la fila 6")
    assert repeated.sentence("en").startswith("The same e-mail is in row 6")
    assert [entry.email for entry in outcome.added] == ["va@uniandes.edu.co"]


def test_nobody_is_demoted_by_a_list(ctx: Context) -> None:
    world = builders.world(ctx)

    outcome = upload(
        ctx, world, "Email\nprofessor@uniandes.edu.co\nmonitor@uniandes.edu.co\nstudent@uniandes.edu.co\n"
    )

    roles = {m.email: m.role for m in courses.list_members(ctx, world.professor, world.course_id)}
    assert roles == {f"{role}@uniandes.edu.co": role for role in Role}
    assert reasons(outcome) == [(2, "HasOtherRole"), (3, "HasOtherRole")]


def test_who_has_an_account_keeps_name_and_password_and_is_not_invited(ctx: Context) -> None:
    world = builders.world(ctx)
    hashed = accounts.hash_password("correct horse battery")
    person = accounts.ensure_person(
        ctx, PLATFORM, email="l.perez@uniandes.edu.co", full_name="", password_hash=hashed
    )
    accounts.set_name(ctx, Actor(person), "Lucho")

    outcome = upload(ctx, world, delimited(ROWS))

    assert (outcome.created, len(outcome.added)) == (1, 2)
    assert [invitation.email for invitation in outcome.invitations] == ["am.gomez@uniandes.edu.co"]
    assert students(ctx, world)[1] == ("l.perez@uniandes.edu.co", "Lucho", "202012346")
    accounts.sign_in(ctx, email="l.perez@uniandes.edu.co", password="correct horse battery", address="")


def test_somebody_who_was_made_by_another_list_is_invited_here_but_their_link_is_not_shown(
    ctx: Context,
) -> None:
    world = builders.world(ctx)
    elsewhere = courses.create_course(ctx, PLATFORM, name="Elsewhere")
    courses.import_roster(ctx, PLATFORM, elsewhere, delimited([HEADER, ANA]).encode())

    outcome = upload(ctx, world, delimited(ROWS))

    assert (outcome.created, len(outcome.added)) == (1, 2)
    assert [(made.email, made.delivery) for made in outcome.invitations if made.link is None] == [
        ("am.gomez@uniandes.edu.co", Delivery.ADMIN)
    ]


def test_a_thousand_people_take_no_hashing_and_no_more_statements_than_ten(ctx: Context) -> None:
    world = builders.world(ctx)
    with builders.statements(ctx) as few:
        upload(ctx, world, numbered(10))
    with builders.statements(ctx) as many:
        outcome = upload(ctx, world, numbered(1_000))

    assert (outcome.created, len(outcome.already_there), len(outcome.invitations)) == (990, 10, 990)
    assert len(many) <= len(few) + 6, "rows are written a page at a time"
    with ctx.db.transaction() as session:
        hashes = session.scalars(select(User.password_hash).where(User.email.like("s%"))).all()
    assert set(hashes) - {"x"} == {None}


def test_the_same_list_uploaded_by_two_at_once_enrols_everybody_once(ctx: Context) -> None:
    world = builders.world(ctx)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: upload(ctx, world, numbered(50)), range(4)))

    assert sum(outcome.created for outcome in outcomes) == 50
    assert sum(len(outcome.added) for outcome in outcomes) == 50
    assert len(students(ctx, world)) == 50


def test_formulas_are_text_and_never_computed(ctx: Context) -> None:
    world = builders.world(ctx)
    formula = '=HYPERLINK("http://example.org","Ana")'
    cell = '<c r="C2"><f>HYPERLINK("http://example.org")</f><v>7</v></c>'
    row = spreadsheets.text_cell("D2", "ana@uniandes.edu.co")
    book = spreadsheets.workbook(f'{spreadsheets.sheet([HEADER])}<row r="2">{cell}{row}</row>')

    upload(ctx, world, f'Email\tNombre\nb@uniandes.edu.co\t"{formula.replace(chr(34), chr(34) * 2)}"\n')
    upload(ctx, world, book)

    assert [name for _, name, _ in students(ctx, world)] == ["7", formula]


def far_apart() -> bytes:
    far = f'<row r="1048576">{spreadsheets.text_cell("XFD1048576", "x")}</row>'
    return spreadsheets.workbook(spreadsheets.sheet([HEADER]) + far)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "two cells that are a million rows and columns apart": far_apart,
    "a zip bomb": lambda: spreadsheets.bomb(900_000_000),
    "a zip that is no workbook": lambda: builders.archive().getvalue(),
    "half a workbook": lambda: FILES["xlsx"][:900],
    "half an old workbook": lambda: FILES["xls"][:1500],
    "a text with a quote that never ends": lambda: b'Email\n"' + b"a" * 200_000,
    "UTF-16 that is none": lambda: b"\xff\xfe\x00\xd8\x00",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_and_leaves_this_process_alone(ctx: Context, name: str) -> None:
    world = builders.world(ctx)
    content = HOSTILE[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(UnreadableRoster):
        upload(ctx, world, content)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32_000, "KiB"
    assert students(ctx, world) == []


def test_the_reader_of_workbooks_sees_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from core.spreadsheets import tables  # noqa: PLC0415  its child is what is exchanged here

    spy = tmp_path / "spy.py"
    spy.write_text("import json, os\nprint(json.dumps([['', [[1, sorted(os.environ)]]]]))")
    monkeypatch.setenv("ULOS_SECRET_KEY", "secret")
    monkeypatch.setattr(tables, "_CHILD", spy)

    ((_, names),) = tables.read_document(FILES["xlsx"]).readings[0][0].rows

    assert not [name for name in names if name.startswith("ULOS")]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", RosterWithoutEmails),
        (b"\x00\x01\x02" * 100, RosterWithoutEmails),
        (b"Nombre,Apellido\nAna,Paz\n", RosterWithoutEmails),
        (b"x" * 5_000_001, TooLarge),
        (numbered(10_001), RosterTooLong),
    ],
    ids=["nothing", "no text", "no column of e-mails", "too large", "too many"],
)
def test_a_file_that_is_no_list_is_refused_with_its_reason(
    ctx: Context, content: bytes, error: type[Exception]
) -> None:
    world = builders.world(ctx)

    with pytest.raises(error):
        upload(ctx, world, content)


def test_blank_rows_are_no_people_however_many(ctx: Context) -> None:
    world = builders.world(ctx)
    blank = [["", " ", "", ""]] * 12_000

    outcome = upload(ctx, world, delimited([HEADER, ANA, *blank, LUIS]))

    assert [entry.row for entry in outcome.added] == [2, 12_003]


def test_only_who_teaches_the_course_as_professor_uploads_a_list(ctx: Context) -> None:
    world = builders.world(ctx)
    admin = builders.person(ctx, "admin", is_admin=True)

    def by(actor: Actor) -> RosterOutcome:
        return courses.import_roster(ctx, actor, world.course_id, io.BytesIO(FILES["csv"]).read())

    for actor, error in (
        (world.monitor, NotAllowed),
        (world.student, NotAllowed),
        (world.stranger, NotFound),
    ):
        with pytest.raises(error):
            by(actor)
    assert by(admin).created == 2


def test_an_account_that_was_closed_stays_out(ctx: Context) -> None:
    world = builders.world(ctx)
    with ctx.db.transaction() as session:
        session.execute(
            update(User).where(User.email == "stranger@uniandes.edu.co").values(disabled_at=ctx.now())
        )

    outcome = upload(ctx, world, "Email\nstranger@uniandes.edu.co\n")
    mine = upload(ctx, world, "Email\nstranger@uniandes.edu.co\n", dry_run=True)

    assert [entry.email for entry in outcome.added] == ["stranger@uniandes.edu.co"], "as if it were open"
    assert reasons(mine) == [(2, "AccountClosed")], "of people of my courses I am told"
