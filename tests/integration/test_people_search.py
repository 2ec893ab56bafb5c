"""People are found as they are typed, without accents and capitals, in every list of them."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from core.context import Context
from core.models import User
from core.search import matches
from core.services import accounts, submissions
from tests import builders

NAMES = ["José Pérez", "JOSÉ PÉREZ", "Jose\u0301 Pe\u0301rez"]
FINDS = ["perez", "PÉREZ", "jose perez", "perez jose", "pe\u0301rez", "Pérez", "2020", ""]
FINDS_NOTHING = ["pérezo", "jose gomez", "%", "_"]


@pytest.mark.parametrize("name", NAMES)
def test_people_are_found_without_accents_and_capitals(ctx: Context, name: str) -> None:
    world = builders.world(ctx)
    student = world.student.user_id
    with ctx.db.transaction() as session:
        session.execute(update(User).where(User.id == student).values(full_name=name, student_code="2020"))
    admin = builders.person(ctx, "admin", is_admin=True)

    for search in (*FINDS, *FINDS_NOTHING):
        wanted = submissions.StudentFilter(world.assignment_id, search=search)
        found = {
            "accounts": student
            in [person.id for person, _ in accounts.list_people(ctx, admin, search=search)],
            "counted": accounts.count_people(ctx, admin, search=search) > 0,
            "students": [
                row.student_id for row in submissions.list_students(ctx, world.professor, wanted).rows
            ]
            == [student],
            "roster": matches(search, name, "student@uniandes.edu.co", "2020"),
        }
        assert found == dict.fromkeys(found, search in FINDS), search


def test_an_export_has_the_people_that_its_list_shows(ctx: Context) -> None:
    world = builders.world(ctx)
    with ctx.db.transaction() as session:
        session.execute(update(User).where(User.id == world.student.user_id).values(full_name="José Pérez"))

    for search, count in (("jose perez", 1), ("gomez", 0)):
        wanted = submissions.StudentFilter(world.assignment_id, search=search)
        assert len(submissions.list_students(ctx, world.professor, wanted, page=None).rows) == count
