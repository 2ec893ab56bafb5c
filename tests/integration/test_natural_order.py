"""Lists of names come as people sort them, whatever the locale of the database."""

from __future__ import annotations

import io
import random
from dataclasses import replace

import pytest
from sqlalchemy import String, column, literal, select, values

from core.context import PLATFORM, Context
from core.db import natural
from core.services import accounts, assignments, courses, definitions, submissions
from core.services.submissions import SortBy, StudentFilter
from core.vocabulary import Role
from tests import builders

SORTED = [
    "2 palabras",
    "10 palabras",
    "Álava",
    "alba",
    "Alzate",
    "Ana María",
    "Anabel",
    "Nuñez",
    "Nzinga",
    "Ñáñez",
    "ñoño",
    "Ochoa",
    "Tarea 2",
    "tarea 02 b",
    "Tarea 10",
    "Tarea 100",
]


def test_the_key_sorts_numbers_accents_and_letters_as_people_do(ctx: Context) -> None:
    mixed = random.Random(1).sample(SORTED, len(SORTED))  # noqa: S311  a fixed order that is no order
    names = values(column("name", String), name="names").data([(name,) for name in mixed])

    with ctx.db.transaction() as session:
        found = list(session.scalars(select(names.c.name).order_by(natural(names.c.name))))

    assert found == SORTED


def test_an_accent_written_as_two_characters_is_the_same_letter(ctx: Context) -> None:
    with ctx.db.transaction() as session:
        composed, decomposed = session.execute(
            select(natural(literal("Peña")), natural(literal("Pen\u0303a")))
        ).one()

    assert composed == decomposed


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


def test_students_are_read_by_name_and_by_email_in_natural_order(ctx: Context, world: builders.World) -> None:
    for number, name in ((10, "Ñáñez"), (2, "ochoa"), (1, "Álvarez"), (3, "Nuñez")):
        person = accounts.ensure_person(
            ctx, PLATFORM, email=f"zz{number}@uniandes.edu.co", full_name=name, password_hash="x"
        )
        courses.enrol(ctx, PLATFORM, world.course_id, person, Role.STUDENT)

    listed = courses.list_students(ctx, world.professor, world.course_id)
    page = submissions.list_students(
        ctx, world.professor, StudentFilter(world.assignment_id, search="zz"), sort=SortBy.NAME
    )

    people = accounts.list_people(ctx, builders.person(ctx, "admin", is_admin=True), search="zz")
    mails = [member.email.split("@")[0] for member in listed]
    assert [one.email.split("@")[0] for one, _ in people] == ["zz1", "zz2", "zz3", "zz10"]
    assert mails == ["student", "zz1", "zz2", "zz3", "zz10"]
    assert [row.student_name for row in page.rows] == ["Álvarez", "Nuñez", "Ñáñez", "ochoa"]


def test_definitions_and_what_uses_them_are_read_in_natural_order_page_by_page(
    ctx: Context, world: builders.World
) -> None:
    for number in (10, 2):
        draft = builders.definition_draft(f"Árbol {number}")
        definitions.create_definition(ctx, world.professor, draft, {"image.tar.gz": io.BytesIO(b"x")})
        opened = replace(
            builders.assignment_draft(ctx, world.definition_id), assignment_name=f"Print a cube {number}"
        )
        assignments.create_assignment(ctx, world.professor, world.course_id, opened)
    names, cursor = [], None
    while True:
        page = definitions.page_definitions(ctx, world.professor, limit=1, cursor=cursor)
        names += [one.definition_name for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert names == ["Árbol 2", "Árbol 10", "G-code"]
    usage = definitions.list_usage(ctx, world.professor)[world.definition_id]
    assert [one.assignment_name for one in usage.assignments] == [
        "Print a cube",
        "Print a cube 2",
        "Print a cube 10",
    ]
