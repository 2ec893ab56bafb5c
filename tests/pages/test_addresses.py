"""What is chosen stands in the address: a reload and a shared link lead to the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.context import PLATFORM, Context
from core.services import accounts, assignments, courses
from core.vocabulary import Role
from dashboard import i18n, process, shell
from dashboard.registry import SCREENS
from tests import builders

ROOT = Path(__file__).resolve().parents[2]
Open = Callable[..., AppTest]


@pytest.fixture
def world(ctx: Context) -> builders.World:
    """A world whose professor teaches a course of an earlier name, too."""
    made = builders.world(ctx)
    other = courses.create_course(ctx, PLATFORM, name="Algebra")
    courses.enrol(ctx, PLATFORM, other, made.professor.user_id or 0, Role.PROFESSOR)
    return made


@pytest.fixture
def open_page(ctx: Context, world: builders.World, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens an address as the professor in a new browser."""

    def open_page(path: str, **query: str) -> AppTest:
        person = replace(accounts.get_person(ctx, world.professor), language="en")
        monkeypatch.setattr(i18n, "language", lambda: "en")  # options are formatted outside of the run
        monkeypatch.setattr(process, "context", lambda: ctx)
        monkeypatch.setattr(process, "settings", lambda: ctx.settings)
        monkeypatch.setattr(shell, "find_visitor", lambda: person)
        monkeypatch.setattr(shell, "find_session_id", lambda: None)
        app = AppTest.from_file(ROOT / "dashboard" / "app.py", default_timeout=60)
        app.run()
        app.switch_page(f"../pages/{path}.py")
        app.query_params.clear()  # as the browser does
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return open_page


def course_of(app: AppTest) -> int:
    chosen = next(box for box in app.sidebar.selectbox if box.label == "Course").value
    assert isinstance(chosen, int)
    return chosen


def address_of(app: AppTest) -> dict[str, str]:
    """The query of the page, each value once."""
    found = dict(app.query_params)
    return {name: value if isinstance(value, str) else value[-1] for name, value in found.items()}


PAGES = [screen.path for screen in SCREENS if "professor" in screen.roles]


@pytest.mark.parametrize("path", PAGES)
def test_a_reload_stays_in_the_course_that_was_chosen(
    open_page: Open, world: builders.World, path: str
) -> None:
    app = open_page(path)
    assert course_of(app) != world.course_id, "the first one by name"

    app.sidebar.selectbox(key="course").set_value(world.course_id).run()
    named = address_of(app)["course"]
    again = open_page(path, course=named)

    assert int(named) == course_of(again) == world.course_id
    assert address_of(again)["course"] == named


def test_the_address_names_the_course_also_before_one_is_chosen(open_page: Open) -> None:
    app = open_page("courses")

    assert address_of(app)["course"] == str(course_of(app))


def test_a_link_to_an_assignment_leads_into_its_course(open_page: Open, world: builders.World) -> None:
    app = open_page("submissions", assignment=str(world.assignment_id))

    assert course_of(app) == world.course_id


def test_another_address_in_the_same_tab_changes_the_course(open_page: Open, world: builders.World) -> None:
    app = open_page("courses")

    app.query_params["course"] = str(world.course_id)
    app.run()

    assert course_of(app) == world.course_id


@pytest.mark.parametrize("named", ["999999", "x", "", "9" * 30, "-1"])
def test_a_course_that_is_not_the_readers_is_said_and_not_shown(open_page: Open, named: str) -> None:
    app = open_page("courses", course=named)

    assert list(app.exception) == []
    assert [warning.value for warning in app.warning][: named == "999999"] == (
        ["You are not in the course of this link. You see another one of yours."] if named == "999999" else []
    )


def test_extensions_and_statement_are_open_again_after_a_reload(
    ctx: Context, open_page: Open, world: builders.World
) -> None:
    view = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    address = {"course": str(world.course_id), "extensions": str(view.id), "statement": str(view.id)}

    app = open_page("assignments", **address)

    assert "**Extensions**" in [one.value for one in app.markdown]
