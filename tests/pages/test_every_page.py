"""Each page opens for each role, in each language, with and without data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import builders
import pytest
from streamlit.testing.v1 import AppTest

from core.context import ORCHESTRATOR, Actor, Context
from core.services import accounts, reports
from dashboard import process, shell
from dashboard.registry import SCREENS, Screen

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("es", "en")
ROLES = ("professor", "monitor", "student", "admin", "none")

Open = Callable[[str, Screen, str], AppTest]


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

    def open_page(role: str, screen: Screen, language: str) -> AppTest:
        person = replace(accounts.get_person(ctx, people[role]), language=language)
        monkeypatch.setattr(process, "context", lambda: ctx)
        monkeypatch.setattr(shell, "find_visitor", lambda: person)
        monkeypatch.setattr(shell, "find_session_id", lambda: None)
        app = AppTest.from_file(ROOT / "dashboard" / "app.py", default_timeout=30)
        app.run()
        app.switch_page(f"../pages/{screen.path}.py")
        return app.run()

    return open_page


def fill(ctx: Context, world: builders.World) -> None:
    """A submission of each fate."""
    for key in ("waits", "passes", "fails"):
        task_id = builders.submit(ctx, world, key=key).task_id
        if key == "passes":
            reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": 3})
        if key == "fails":
            builders.fail(ctx, ORCHESTRATOR, task_id)


@pytest.mark.parametrize(("language", "filled"), [("es", False), ("es", True), ("en", True)])
@pytest.mark.parametrize(
    ("role", "screen"),
    [(role, screen) for screen in SCREENS for role in ROLES if role in screen.roles],
    ids=lambda value: value if isinstance(value, str) else value.path,
)
def test_a_page_opens_without_an_error(
    ctx: Context,
    world: builders.World,
    open_page: Open,
    *,
    role: str,
    screen: Screen,
    language: str,
    filled: bool,
) -> None:
    if filled:
        fill(ctx, world)

    app = open_page(role, screen, language)

    reasons = {f"**PARSING** — {builders.REASON}"} if filled else set()
    assert list(app.exception) == []
    assert {error.value for error in app.error} <= reasons
    assert app.title
