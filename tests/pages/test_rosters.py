"""The preview of a list of students: what would happen, in words, before it happens."""

from __future__ import annotations

import io

import pytest
from streamlit.testing.v1 import AppTest

from core.context import Context
from core.services import courses
from dashboard.uploads import KeptFile
from tests import builders, spreadsheets
from tests.page_visits import Visit, visitor
from tests.rosters import ANA, HEADER, LUIS, delimited

SECOND = [HEADER, ["3", "Ruiz", "Eva", "e.ruiz@uniandes.edu.co"]]
STAFF = [["Email", "Nombres"], ["a.mora@uniandes.edu.co", "Ada"]]


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


@pytest.fixture
def visit_page(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Visit:
    return visitor(ctx, monkeypatch)


def preview(visit_page: Visit, world: builders.World, content: bytes) -> AppTest:
    app = visit_page(world.professor, "courses")
    app.session_state["import-list-file"] = KeptFile("lista", io.BytesIO(content), len(content))
    app = app.run()
    assert list(app.exception) == []
    return app


def apply(app: AppTest) -> AppTest:
    return app.button(key="import-apply").click().run()


def emails(ctx: Context, world: builders.World) -> list[str]:
    return [one.email for one in courses.list_students(ctx, world.professor, world.course_id)]


def test_each_sheet_is_named_and_those_that_are_chosen_are_read(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    content = spreadsheets.workbook(
        spreadsheets.sheet([HEADER, ANA]),
        more={"Grupo2": spreadsheets.sheet(SECOND), "Equipo": spreadsheets.sheet(STAFF)},
    )

    app = preview(visit_page, world, content)
    assert app.multiselect(key="import-sheets").value == ["Lista", "Grupo2"]
    assert r"Left out\: Equipo \(1 row\)" in [one.value for one in app.warning]
    app.multiselect(key="import-sheets").set_value(["Grupo2"]).run()
    apply(app)

    assert emails(ctx, world) == ["e.ruiz@uniandes.edu.co", "student@uniandes.edu.co"]


def test_names_in_a_guessed_encoding_are_shown_before_the_import(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    app = preview(visit_page, world, delimited([HEADER, ANA]).encode("mac_roman"))

    (warning,) = app.warning
    assert "Ana María Gómez Núñez" in warning.value
    assert emails(ctx, world) == ["student@uniandes.edu.co"]


def test_a_list_that_only_corrects_is_applied_and_says_so(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    wrong = delimited([HEADER, ["", "Perez", "Luis", LUIS[3]]]).encode()
    courses.import_roster(ctx, world.professor, world.course_id, wrong)

    app = preview(visit_page, world, delimited([HEADER, LUIS]).encode())
    assert app.button(key="import-apply").label == "Add: 0 · Correct: 2"
    app = apply(app)

    assert app.success[-1].value.endswith("Corrected: 2.")
    luis = courses.list_students(ctx, world.professor, world.course_id)[0]
    assert (luis.full_name, luis.student_code) == ("Luis Pérez", "202012346")
