"""The project as people use it: `core up`, a real browser, each role."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from core.demo import samples
from core.embedded.state import _free_port
from dashboard.registry import SCREENS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

expect.set_options(timeout=20_000)

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass(frozen=True)
class Project:
    address: str
    folder: Path


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("project")
    ports = {"ULOS_DASHBOARD_PORT": str(_free_port(0)), "ULOS_API_PORT": str(_free_port(0))}
    environment = os.environ | ports | {"ULOS_DATA_DIR": str(folder), "ULOS_LANGUAGE": "es"}
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "up"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready: dashboard"), line
    yield Project(line.split()[2], folder)
    process.send_signal(signal.SIGINT)
    process.wait(40)
    process.stdout.close()
    assert left_behind(folder) == []


def left_behind(folder: Path) -> list[str]:
    """Command lines of processes that still mention the project's folder."""
    deadline = time.monotonic() + 10
    while True:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(folder) in command:
                found.append(command)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@dataclass(frozen=True)
class Visitor:
    page: Page
    console: list[str]
    hosts: set[str]


def sign_in(browser: Browser, project: Project, name: str, path: str = "/") -> Visitor:
    page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="es-CO").new_page()
    visitor = Visitor(page, [], set())
    page.on("console", lambda said: visitor.console.append(said.text) if said.type == "error" else None)
    page.on("request", lambda sent: visitor.hosts.add(sent.url.split("/")[2].split(":")[0]))
    page.goto(project.address + path)
    page.get_by_label("Correo").fill(f"{name}@uniandes.edu.co")
    page.get_by_label("Contraseña").fill("ulos-demo")
    page.get_by_role("button", name="Iniciar sesión").click()
    expect(page.get_by_role("button", name="Cerrar sesión")).to_be_visible(timeout=20_000)
    return visitor


def upload(page: Page, content: bytes) -> None:
    page.get_by_text("Imprime un cubo —").click()
    chosen = {"name": "cubo.zip", "mimeType": "application/zip", "buffer": content}
    page.locator("input[type=file]").first.set_input_files(chosen)  # type: ignore[arg-type]  # a literal dict
    button = page.get_by_role("button", name="Entregar").first
    expect(button).to_be_enabled(timeout=15_000)
    button.click()


def test_a_student_uploads_and_sees_every_stage_end_without_reloading(
    browser: Browser, project: Project
) -> None:
    visitor = sign_in(browser, project, "estudiante1")

    upload(visitor.page, samples.gcode_good())

    expect(visitor.page.get_by_text("SHA-256")).to_be_visible(timeout=20_000)
    stages = visitor.page.get_by_text("✔ Aprobada", exact=True)
    expect(stages).to_have_count(3, timeout=30_000)
    assert visitor.console == []
    assert visitor.hosts == {"127.0.0.1"}


def test_a_student_is_told_what_is_wrong_with_an_archive(browser: Browser, project: Project) -> None:
    visitor = sign_in(browser, project, "estudiante2")

    upload(visitor.page, b"this is a text file")

    expect(visitor.page.get_by_text("no es un ZIP")).to_be_visible(timeout=20_000)


def test_a_wrong_password_is_told_without_saying_which_half_was_wrong(
    browser: Browser, project: Project
) -> None:
    page = browser.new_context(locale="es-CO").new_page()
    page.goto(project.address)
    for name in ("estudiante5", "nobody"):
        page.get_by_label("Correo").fill(f"{name}@uniandes.edu.co")
        page.get_by_label("Contraseña").fill("not the password")
        page.get_by_role("button", name="Iniciar sesión").click()

        expect(page.get_by_text("El correo o la contraseña no es correcto")).to_be_visible()


def test_a_professor_and_a_monitor_see_their_screens(browser: Browser, project: Project) -> None:
    visitor = sign_in(browser, project, "profesora", "/definitions")
    professor = visitor.page
    expect(professor.get_by_role("heading", name="Definiciones de tareas")).to_be_visible(timeout=20_000)
    for name in ("G-code", "Cypress", "Python tests"):
        expect(professor.get_by_text(f"{name} · demo")).to_be_visible()
    assert visitor.console == [], "nor on a deep link"

    monitor = sign_in(browser, project, "monitor", "/monitoring").page
    expect(monitor.get_by_role("heading", name="Monitoreo")).to_be_visible(timeout=20_000)
    expect(monitor.get_by_text("Reencoladas").first).to_be_visible()


def test_a_student_may_not_open_the_professors_pages(browser: Browser, project: Project) -> None:
    page = sign_in(browser, project, "estudiante3").page

    for screen in SCREENS:
        if "student" not in screen.roles:
            page.goto(f"{project.address}/{screen.path}")
            expect(page.get_by_text("no permite abrir esta página")).to_be_visible(timeout=20_000)


def test_signing_out_ends_every_tab(browser: Browser, project: Project) -> None:
    page = sign_in(browser, project, "estudiante4").page
    other = page.context.new_page()
    other.goto(project.address)
    expect(other.get_by_role("button", name="Cerrar sesión")).to_be_visible(timeout=20_000)

    page.get_by_role("button", name="Cerrar sesión").click()

    expect(page.get_by_role("button", name="Iniciar sesión")).to_be_visible(timeout=20_000)
    other.reload()
    expect(other.get_by_role("button", name="Iniciar sesión")).to_be_visible(timeout=20_000)


def test_a_professor_creates_a_definition_and_opens_it_to_the_course(
    browser: Browser, project: Project
) -> None:
    page = sign_in(browser, project, "profesora", "/definitions").page
    page.get_by_text("+ Nueva definición").click()
    page.get_by_label("Nombre", exact=True).fill("Robots")
    for number, command in enumerate(("python3 /image/a.py", "python3 /image/b.py")):
        page.get_by_label("Comando").nth(number).fill(command)
        image = {"name": "image.tar.gz", "mimeType": "application/gzip", "buffer": b"image"}
        page.locator("input[type=file]").nth(number).set_input_files(image)  # type: ignore[arg-type]  # a literal
        expect(page.get_by_role("button", name="Remove")).to_have_count(number + 1)

    page.get_by_role("button", name="Crear").click()

    expect(page.get_by_text("Robots — 2 etapas")).to_be_visible()
    page.goto(f"{project.address}/assignments")
    page.get_by_text("+ Nueva asignación").click()
    page.get_by_label("Nombre", exact=True).fill("Robots de marzo")
    page.get_by_role("button", name="Crear").click()
    expect(page.get_by_text("Robots de marzo")).to_be_visible()
