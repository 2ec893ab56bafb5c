"""Each page, and each part of it, opens for each role, in each language, with and without data.

What theme the reader has is known to the browser alone: `tests/e2e/test_people.py` opens both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.context import ORCHESTRATOR, Actor, Context
from core.errors import NotAllowed
from core.services import accounts, reports
from dashboard import process, shell
from dashboard.registry import SCREENS, Screen
from tests import builders

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("es", "en")
ROLES = ("professor", "monitor", "student", "admin", "none")

PARTS: Mapping[str, tuple[dict[str, str], ...]] = {
    "my_work": ({"task": "{task}"},),
    "assignments": ({"assignment-state": "open"},),
    "submissions": (
        {"view": "students"},
        {"view": "students", "task": "{task}"},
        {"view": "attention"},
        {"view": "reruns"},
    ),
    "monitoring": tuple(
        {"view": view, "window": "all"}
        for view in (
            "failures",
            "requeues",
            "times",
            "reruns",
            "stalled",
            "parked",
            "files",
            "alerts",
            "audit",
        )
    ),
    "task": ({"task": "{task}"},),
    "definitions": ({"dry_run": "{definition}"},),
    "receipt": ({"code": "made-up"},),
    "admin": tuple({"section": name} for name in ("people", "courses", "tokens", "components", "settings")),
}
"""Addresses within a screen that show something else than its bare path."""

NOT_THEIRS = {("definitions", "monitor"), ("definitions", "admin")}
"""Parts that say in an error whose they are: a dry run is a professor's."""


@dataclass(frozen=True)
class Place:
    """A screen as somebody opens it, at an address of its."""

    role: str
    screen: Screen
    address: Mapping[str, str]

    def __str__(self) -> str:
        return "-".join((self.role, self.screen.path, *self.address.values()))


PLACES = [
    Place(role, screen, address)
    for screen in SCREENS
    for address in ({}, *PARTS.get(screen.path, ()))
    for role in ROLES
    if role in screen.roles
]

Open = Callable[..., AppTest]


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


@pytest.fixture
def people(ctx: Context, world: builders.World) -> dict[str, Actor]:
    return {
        "professor": world.professor,
        "monitor": world.monitor,
        "student": world.student,
        "none": world.stranger,
        "admin": builders.person(ctx, "admin", is_admin=True),
    }


@pytest.fixture
def open_page(ctx: Context, people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a screen as somebody. Cookies do not exist in this harness, so the visitor is handed in."""

    def open_page(role: str | None, path: str | None, language: str, **address: str) -> AppTest:
        person = replace(accounts.get_person(ctx, people[role]), language=language) if role else None
        monkeypatch.setattr(process, "context", lambda: ctx)
        monkeypatch.setattr(process, "settings", lambda: ctx.settings)
        monkeypatch.setattr(shell, "find_visitor", lambda: person)
        monkeypatch.setattr(shell, "find_session_id", lambda: None)
        app = AppTest.from_file(ROOT / "dashboard" / "app.py", default_timeout=100)
        app.session_state["language"] = language
        app.run()
        if path is not None:
            app.switch_page(f"../pages/{path}.py")
        for name, value in address.items():
            app.query_params[name] = value
        return app.run()

    return open_page


def fill(ctx: Context, world: builders.World) -> int:
    """A submission of each fate; the one that failed."""
    failed = 0
    for key in ("waits", "passes", "fails"):
        task_id = builders.submit(ctx, world, key=key).task_id
        if key == "passes":
            reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": 3})
        if key == "fails":
            builders.fail(ctx, ORCHESTRATOR, task_id)
            failed = task_id
    return failed


def test_every_screen_has_a_place_and_no_part_belongs_to_none() -> None:
    assert {place.screen for place in PLACES} == set(SCREENS)
    assert set(PARTS) <= {screen.path for screen in SCREENS}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_page_opens_without_an_error(
    ctx: Context, world: builders.World, open_page: Open, place: Place, language: str
) -> None:
    names = {"task": fill(ctx, world), "definition": world.definition_id}
    address = {name: value.format(**names) for name, value in place.address.items()}

    app = open_page(place.role, place.screen.path, language, **address)

    assert list(app.exception) == []
    assert app.title
    allowed = {f"**PARSING** — {builders.REASON}"}
    if "code" in address:
        allowed |= {
            error.value for error in app.error if error.value.startswith(("**No es válido", "**Not valid"))
        }
    if "dry_run" in address and (place.screen.path, place.role) in NOT_THEIRS:
        allowed.add(NotAllowed().sentence(language))
    assert {error.value for error in app.error} <= allowed


@pytest.mark.parametrize("place", [place for place in PLACES if not place.address], ids=str)
def test_a_page_without_data_opens_without_an_error(open_page: Open, place: Place) -> None:
    app = open_page(place.role, place.screen.path, "es")

    assert list(app.exception) == []
    assert list(app.error) == []
    assert app.title


@pytest.mark.parametrize("language", LANGUAGES)
def test_before_the_sign_in_there_is_the_form_and_nothing_else(open_page: Open, language: str) -> None:
    app = open_page(None, None, language)

    assert list(app.exception) == []
    assert list(app.error) == []
    assert {"Iniciar sesión", "Sign in"} & {button.label for button in app.button}
    assert not app.dataframe
