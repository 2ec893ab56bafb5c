"""What a corrected list changes, and what a list without a usable row says."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.context import Actor, Context
from core.errors import NothingUsable
from core.models import User
from core.services import accounts
from tests import builders
from tests.rosters import ANA, HEADER, LUIS, PEOPLE, ROWS, delimited, students, upload


def test_a_corrected_list_corrects_names_and_codes_and_tells_which(ctx: Context) -> None:
    world = builders.world(ctx)
    wrong = [HEADER, ["202012354", "GÃ³mez", "Ana", ANA[3]], ["", "Perez", "Luis", LUIS[3]]]
    upload(ctx, world, delimited(wrong))

    tried = upload(ctx, world, delimited(ROWS), dry_run=True)
    unchanged = students(ctx, world)
    done = upload(ctx, world, delimited(ROWS))
    again = upload(ctx, world, delimited(ROWS))

    assert unchanged != PEOPLE
    assert students(ctx, world) == PEOPLE
    assert tried.corrected == done.corrected
    assert [(c.row, c.email, c.field, c.before, c.after) for c in done.corrected] == [
        (4, PEOPLE[0][0], "student_code", "202012354", "202012345"),
        (4, PEOPLE[0][0], "full_name", "Ana GÃ³mez", "Ana María Gómez Núñez"),
        (5, PEOPLE[1][0], "student_code", "", "202012346"),
        (5, PEOPLE[1][0], "full_name", "Luis Perez", "Luis Pérez"),
    ]
    assert again.corrected == ()


def test_a_list_never_empties_a_name_or_code(ctx: Context) -> None:
    world = builders.world(ctx)
    upload(ctx, world, delimited(ROWS))

    outcome = upload(ctx, world, delimited([HEADER, ["", "", "", ANA[3]]]))

    assert outcome.corrected == ()
    assert students(ctx, world) == PEOPLE


def test_a_name_that_its_owner_has_written_is_not_corrected(ctx: Context) -> None:
    world = builders.world(ctx)
    upload(ctx, world, delimited(ROWS))
    with ctx.db.transaction() as session:
        owner = session.scalars(select(User.id).where(User.email == PEOPLE[1][0])).one()
    accounts.set_name(ctx, Actor(owner), "Lucho")

    outcome = upload(ctx, world, delimited([HEADER, ANA, ["9", "Otro", "Nombre", LUIS[3]]]))

    assert [(c.field, c.after) for c in outcome.corrected] == [("student_code", "9")]
    assert students(ctx, world)[1] == (PEOPLE[1][0], "Lucho", "9")


@pytest.mark.parametrize(
    ("content", "spanish"),
    [
        ("Email\nx@gmail.com\ny@gmail.com\nmal\n", ("Fila 2, 3: Usa un correo de", "Fila 4: «mal» no es")),
        ("Email\n", ("No contiene personas",)),
    ],
)
def test_a_list_without_a_usable_row_is_refused_with_the_reasons(
    ctx: Context, content: str, spanish: tuple[str, ...]
) -> None:
    world = builders.world(ctx)

    with pytest.raises(NothingUsable) as refused:
        upload(ctx, world, content)

    assert all(part in refused.value.sentence("es") for part in spanish)
    assert refused.value.sentence("en").startswith("No row of this list can be used.")
    assert upload(ctx, world, content, dry_run=True).added == ()
