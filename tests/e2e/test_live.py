"""Pages that follow what happens, in a real browser: pushed, kept in place, ended with the session."""

from __future__ import annotations

import io
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import text

from core.bootstrap import open_context
from core.config import Settings
from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.demo import samples
from core.services import accounts, assignments, courses, reports, submissions
from core.vocabulary import StageStatus
from tests.e2e.browsing import Project, Visitor, members, settled, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def ctx(project: Project) -> Iterator[Context]:
    opened = open_context(Settings(data_dir=project.folder, _env_file=None))
    yield opened
    opened.db.dispose()


def actor_of(ctx: Context, name: str) -> Actor:
    email = f"{name}@uniandes.edu.co"
    (found,) = (one for one in courses.list_members(ctx, PLATFORM, 1) if one.email == email)
    return Actor(user_id=found.id)


def failed_submission(ctx: Context, turn: int) -> tuple[str, int]:
    """A student of the demo whose submission has failed, and its number; for each `turn` another one."""
    found = []
    for number in range(1, 31):
        name = f"estudiante{number}"
        tasks = submissions.list_my_tasks(ctx, actor_of(ctx, name))
        found += [(name, task.id) for task in tasks if task.status is StageStatus.FAILED][:1]
    return found[turn]


def submit_failing(ctx: Context, name: str, key: str) -> None:
    """Hand in what the runner will refuse within seconds."""
    actor = actor_of(ctx, name)
    cube = next(
        view
        for view in assignments.list_assignments(ctx, actor, 1)
        if view.assignment_name == "Imprime un cubo"
    )
    file = io.BytesIO(samples.gcode_outside())
    with ThreadPoolExecutor(1) as elsewhere:  # in this thread Playwright keeps an event loop
        elsewhere.submit(
            submissions.submit, ctx, actor, cube.id, file, file_name="cubo.zip", submit_key=key
        ).result()


def mark(page: Page) -> None:
    page.evaluate("window.notReloaded = true")


def is_marked(page: Page) -> bool:
    return bool(page.evaluate("window.notReloaded === true"))


def is_live(page: Page) -> None:
    expect(page.get_by_text("En vivo").first).to_be_visible()


def open_task(browser: Browser, project: Project, name: str, task_id: int) -> Visitor:
    """The student on the page of one of their submissions, followed live."""
    visitor = sign_in(browser, project, name, f"/my_work?task={task_id}")
    is_live(visitor.page)
    return visitor


def open_monitoring(browser: Browser, project: Project) -> tuple[Page, Locator, str]:
    """The monitor's page, the figure that a failing submission changes, and what it shows now."""
    page = sign_in(browser, project, "monitor", "/monitoring").page
    figure = page.get_by_test_id("stMetric").filter(has_text="Fallas abiertas")
    return page, figure, figure.text_content() or ""


@contextmanager
def meanwhile(act: Callable[[], object], *, every: float) -> Iterator[None]:
    """`act` again and again, with pauses of so many seconds, until the block ends."""
    enough = threading.Event()

    def repeat() -> None:
        while not enough.wait(every):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def kill(project: Project, what: str) -> None:
    """End the process whose command line has `what`."""
    for pid, command in members(project.folder):
        if what in command:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_a_change_reaches_the_screen_and_leaves_the_rest_as_it_was(
    browser: Browser, project: Project, ctx: Context
) -> None:
    name, task_id = failed_submission(ctx, 0)
    visitor = open_task(browser, project, name, task_id)
    page = visitor.page
    outputs = page.get_by_text("Salida de cada etapa")
    outputs.click()
    expect(page.locator("details").filter(has=outputs)).to_have_attribute("open", "")
    page.mouse.wheel(0, 400)
    mark(page)
    before = page.evaluate("document.querySelector('section[tabindex]')?.scrollTop ?? scrollY")

    reports.add_task_log(ctx, ORCHESTRATOR, task_id, "una línea de fuera")

    expect(page.get_by_text("una línea de fuera")).to_be_attached()
    after = page.evaluate("document.querySelector('section[tabindex]')?.scrollTop ?? scrollY")
    assert (is_marked(page), after) == (True, before)
    expect(page.locator("details").filter(has=outputs)).to_have_attribute("open", "")
    assert visitor.console == []
    assert visitor.hosts == {"127.0.0.1"}


def test_what_is_half_typed_and_who_has_the_focus_survive_a_change(
    browser: Browser, project: Project, ctx: Context
) -> None:
    page, figure, before = open_monitoring(browser, project)
    field = page.get_by_label("Causa y remedio")
    field.press_sequentially("porque el contened")

    submit_failing(ctx, "estudiante12", "half-typed")

    expect(figure).not_to_have_text(before)
    expect(field).to_have_value("porque el contened")
    expect(field).to_be_focused()


def test_a_view_that_is_held_still_waits_until_it_may_go_on(
    browser: Browser, project: Project, ctx: Context
) -> None:
    page, figure, before = open_monitoring(browser, project)

    page.get_by_role("button", name="Pausar").click()
    submit_failing(ctx, "estudiante13", "held-still")
    expect(page.get_by_text("En pausa; hay novedades")).to_be_visible()
    expect(figure).to_have_text(before)
    page.get_by_role("button", name="Continuar").click()

    expect(figure).not_to_have_text(before)


def test_a_click_has_its_whole_effect_while_changes_pour_in(
    browser: Browser, project: Project, ctx: Context
) -> None:
    name, task_id = failed_submission(ctx, 1)
    page = open_task(browser, project, name, task_id).page

    mark(page)

    def pour() -> None:
        reports.add_task_log(ctx, ORCHESTRATOR, task_id, "otra línea")

    with meanwhile(pour, every=0.05):
        expect(page.get_by_text("otra línea").first).to_be_attached()
        for _ in range(5):
            page.get_by_role("link", name="Cuenta").click()
            expect(page.get_by_role("button", name="Cambiar la contraseña")).to_be_visible()
            page.get_by_role("link", name="Mi trabajo").click()
            expect(page.get_by_text("Registro", exact=True)).to_be_visible()
            expect(page.get_by_role("link", name="Descargar el original")).to_be_visible()
            expect(page.get_by_role("button", name="Cambiar la contraseña")).not_to_be_attached()

    assert is_marked(page)


@contextmanager
def slow_pages(ctx: Context) -> Iterator[None]:
    """Every page takes a second, since it must wait to know who is there."""
    with ctx.db.transaction() as session:
        session.execute(text("LOCK TABLE web_session IN ACCESS EXCLUSIVE MODE"))
        yield


LATE = """
window.WebSocket = class extends WebSocket {
  set onmessage(take) {
    const late = this.url.includes("_stcore/stream")
    super.onmessage = late ? (event) => setTimeout(() => take(event), 700) : take
  }
  addEventListener(type, take, ...rest) {
    const late = type === "message" && this.url.includes("_stcore/stream")
    super.addEventListener(type, late ? (event) => setTimeout(() => take(event), 700) : take, ...rest)
  }
}
"""
"""What the server says to draw arrives late: a click is long on its way before the page knows of it."""

OUT_OF_TURN = """
window.WebSocket = class extends WebSocket {
  send(bytes) {
    super.send(bytes)
    if (!this.url.includes("_stcore/stream")) return
    const isPart = new TextDecoder().decode(bytes).includes("-socket__events")
    const part = this.part
    this.part = isPart ? bytes : null
    if (part && !isPart) setTimeout(() => super.send(part), 50)
  }
}
"""
"""After a click the browser asks once more for the part that it asked for before."""


def test_a_click_is_not_lost_on_a_slow_line_to_a_slow_server(
    browser: Browser, project: Project, ctx: Context
) -> None:
    page, pour = open_with(browser, project, ctx, LATE, turn=2)

    with meanwhile(pour, every=0.05):
        expect(page.get_by_text("otra línea").first).to_be_attached()
        for _ in range(4):
            with slow_pages(ctx):
                page.get_by_role("link", name="Cuenta").click()
                page.wait_for_timeout(1200)
            expect(page.get_by_role("button", name="Cambiar la contraseña")).to_be_visible()
            page.get_by_role("link", name="Mi trabajo").click()
            expect(page.get_by_text("Registro", exact=True)).to_be_visible()


def test_a_page_that_was_emptied_is_drawn_again(browser: Browser, project: Project, ctx: Context) -> None:
    page, pour = open_with(browser, project, ctx, OUT_OF_TURN, turn=3)
    pour()
    expect(page.get_by_text("otra línea").first).to_be_attached()

    with slow_pages(ctx):
        page.get_by_role("link", name="Cuenta").click()
        page.wait_for_timeout(1200)
    expect(page.get_by_test_id("stMain")).to_have_text("")

    expect(page.get_by_role("button", name="Cambiar la contraseña")).to_be_visible()


def open_with(
    browser: Browser, project: Project, ctx: Context, script: str, *, turn: int
) -> tuple[Page, Callable[[], None]]:
    """A failed submission in a browser that runs `script` first, and what adds a line to its log."""
    name, task_id = failed_submission(ctx, turn)
    page = open_task(browser, project, name, task_id).page
    page.add_init_script(script)
    page.reload()
    settled(page)
    is_live(page)

    def pour() -> None:
        reports.add_task_log(ctx, ORCHESTRATOR, task_id, "otra línea")

    return page, pour


def test_signing_out_in_one_tab_takes_the_data_off_the_other(
    browser: Browser, project: Project, ctx: Context
) -> None:
    first = sign_in(browser, project, "estudiante15")
    page = first.page.context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(project.address)
    is_live(page)
    mark(page)

    first.page.get_by_role("button", name="Cerrar sesión", exact=True).click()

    expect(page.get_by_role("button", name="Iniciar sesión")).to_be_visible()
    expect(page.get_by_text("Mis entregas")).not_to_be_attached()
    expect(page.get_by_text("Referencia")).not_to_be_attached()
    assert said == []


def test_a_session_ended_from_elsewhere_ends_its_pages(
    browser: Browser, project: Project, ctx: Context
) -> None:
    page = sign_in(browser, project, "estudiante16").page
    is_live(page)

    accounts.end_all_sessions(ctx, actor_of(ctx, "estudiante16"))

    expect(page.get_by_role("button", name="Iniciar sesión")).to_be_visible()
    expect(page.get_by_text("Mis entregas")).not_to_be_attached()


def test_how_long_a_stage_has_been_running_counts_on_by_itself(
    browser: Browser, project: Project, ctx: Context
) -> None:
    name, task_id = failed_submission(ctx, 2)
    stages = submissions.get_task(ctx, actor_of(ctx, name), task_id).current.stages
    failed = next(stage.stage_name for stage in stages if stage.status is StageStatus.FAILED)
    reports.note_requeue(ctx, ORCHESTRATOR, task_id)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {failed: "IN_PROGRESS"})

    page = open_task(browser, project, name, task_id).page

    clock = page.get_by_text(re.compile(r"^duró \d+ s$")).last
    first = clock.inner_text()
    expect(clock).not_to_have_text(first)
    every = {stage.stage_name: "COMPLETED" for stage in stages}
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, every)
    expect(page.get_by_role("heading", name="✔ Aprobada")).to_be_visible()


def test_a_restart_of_the_server_is_survived(browser: Browser, project: Project, ctx: Context) -> None:
    name, task_id = failed_submission(ctx, 3)
    page = open_task(browser, project, name, task_id).page
    mark(page)

    with meanwhile(lambda: kill(project, "dashboard.asgi:app"), every=0.1):
        expect(page.get_by_text("Sin conexión; reintentando")).to_be_visible()
        reports.add_task_log(ctx, ORCHESTRATOR, task_id, "mientras no había servidor")
    expect(page.get_by_text("mientras no había servidor")).to_be_attached()
    is_live(page)
    reports.add_task_log(ctx, ORCHESTRATOR, task_id, "y otra vez en vivo")

    expect(page.get_by_text("y otra vez en vivo")).to_be_attached()
    assert is_marked(page)
