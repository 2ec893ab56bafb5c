"""Each page, and each part of it, opens for each role, in each language, with and without data.

What theme the reader has is known to the browser alone: `tests/e2e/test_people.py` opens both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from core.context import ORCHESTRATOR, Actor, Context
from core.embedded.ftp import EmbeddedFtp
from core.embedded.postgres import EmbeddedPostgres
from core.errors import NotAllowed
from core.services import accounts, reports
from dashboard import process, shell
from dashboard.registry import SCREENS, Screen
from tests import builders
from tests.conftest import Clock, new_context, new_settings

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


@dataclass(frozen=True)
class Installation:
    """A world, its people by what they are, and what addresses may name."""

    ctx: Context
    people: Mapping[str, Actor]
    names: Mapping[str, int]


def install(ctx: Context, *, filled: bool) -> Installation:
    world = builders.world(ctx)
    people = {
        "professor": world.professor,
        "monitor": world.monitor,
        "student": world.student,
        "none": world.stranger,
        "admin": builders.person(ctx, "admin", is_admin=True),
    }
    names = {}
    if filled:
        names = {"task": fill(ctx, world), "definition": world.definition_id}
        write_markdown_everywhere(ctx)
    return Installation(ctx, people, names)


@pytest.fixture(scope="module")
def filled(
    postgres: EmbeddedPostgres, ftp: EmbeddedFtp, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One for all tests that only look: a submission of each fate, and Markdown in every text."""
    folder = tmp_path_factory.mktemp("filled")
    with new_settings(postgres, ftp, folder) as settings, new_context(settings, Clock()) as ctx:
        yield install(ctx, filled=True)


@pytest.fixture
def empty(ctx: Context) -> Installation:
    return install(ctx, filled=False)


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a screen as somebody. Cookies do not exist in this harness, so the visitor is handed in."""

    def open_page(
        at: Installation, role: str | None, path: str | None, language: str, **address: str
    ) -> AppTest:
        person = replace(accounts.get_person(at.ctx, at.people[role]), language=language) if role else None
        monkeypatch.setattr(process, "context", lambda: at.ctx)
        monkeypatch.setattr(process, "settings", lambda: at.ctx.settings)
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


HOSTILE = (
    "![p](http://127.0.0.1:9/px.png) [Aprobar](http://example.org) **Eva** $x$ __init__.py "
    ":red[r] <b>b</b> &lt; ~~z~~ 1. `c`"
)
RAW = re.compile(r"(?<!\\)(\[Aprobar|\*\*Eva|\$x|__init|:red|<b>|&lt|~~z|`c`)")
"""What makes Markdown of `HOSTILE`, where it is not escaped."""

TEXTS_OF_PEOPLE = {
    "users": ("full_name", "student_code"),
    "course": ("course_name",),
    "assignment": ("assignment_name",),
    "assignment_statement": ("file_name",),
    "assignment_extension": ("reason",),
    "task_definition": ("definition_name", "definition_description"),
    "definition_stage": (
        "stage_description", "container_name", "container_description", "container_filename",
        "run_command",
    ),
    "task": ("original_name",),
    "task_log": ("log_message",),
    "task_stage_status": ("reason",),
    "failure_triage": ("note",),
    "operation": ("note",),
    "requeue_event": ("note",),
    "saved_view": ("name",),
    "callback_token": ("name",),
    "alert_target": ("name",),
    "alert_incident": ("subject", "note"),
    "web_session": ("user_agent",),
}  # fmt: skip


def write_markdown_everywhere(ctx: Context) -> None:
    """Let every text that people or their programs have written be Markdown, each distinct."""
    with ctx.db.transaction() as session:
        for table, columns in TEXTS_OF_PEOPLE.items():
            changes = ", ".join(f"{column} = :hostile || ctid" for column in columns)
            session.execute(text(f"UPDATE {table} SET {changes}"), {"hostile": HOSTILE})
        session.execute(text("UPDATE assignment SET required_names = ARRAY[:hostile]"), {"hostile": HOSTILE})


def markdown_of(app: AppTest) -> Iterator[str]:
    """Every text of the page that Streamlit reads as Markdown."""
    for node in walk(app._tree):
        proto = getattr(node, "proto", None)
        if proto is None or getattr(node, "type", "") in {"text", "code"}:
            continue
        for field, value in proto.ListFields():
            if field.name in {"body", "label", "help", "text"} and isinstance(value, str):
                yield value
            elif isinstance(value, Message):  # of blocks: expander, popover, tab
                yield from (inner for _, inner in value.ListFields() if isinstance(inner, str))
            elif field.name == "options":
                yield from (option.content for option in value if hasattr(option, "content"))


def walk(node: Any) -> Iterator[Any]:
    """The node and all below it."""
    yield node
    for child in getattr(node, "children", {}).values():
        yield from walk(child)


def test_every_screen_has_a_place_and_no_part_belongs_to_none() -> None:
    assert {place.screen for place in PLACES} == set(SCREENS)
    assert set(PARTS) <= {screen.path for screen in SCREENS}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_page_opens_without_an_error(
    filled: Installation, open_page: Open, place: Place, language: str
) -> None:
    address = {name: value.format(**filled.names) for name, value in place.address.items()}

    app = open_page(filled, place.role, place.screen.path, language, **address)

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
    assert [shown for shown in markdown_of(app) if RAW.search(shown)] == []


@pytest.mark.parametrize("place", [place for place in PLACES if not place.address], ids=str)
def test_a_page_without_data_opens_without_an_error(
    empty: Installation, open_page: Open, place: Place
) -> None:
    app = open_page(empty, place.role, place.screen.path, "es")

    assert list(app.exception) == []
    assert list(app.error) == []
    assert app.title


@pytest.mark.parametrize("language", LANGUAGES)
def test_before_the_sign_in_there_is_the_form_and_nothing_else(
    empty: Installation, open_page: Open, language: str
) -> None:
    app = open_page(empty, None, None, language)

    assert list(app.exception) == []
    assert list(app.error) == []
    assert {"Iniciar sesión", "Sign in"} & {button.label for button in app.button}
    assert not app.dataframe
