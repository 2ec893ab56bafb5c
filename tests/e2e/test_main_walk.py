"""The project as people use it: `core up`, a real browser, each role."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from core.demo import samples
from dashboard.registry import SCREENS
from tests.e2e.browsing import Project, choose_cube, settled, sign_in, upload

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_student_uploads_and_sees_every_stage_end_without_reloading(
    browser: Browser, project: Project
) -> None:
    visitor = sign_in(browser, project, "estudiante1")

    upload(visitor.page, samples.gcode_good())

    expect(visitor.page.get_by_text("SHA-256").first).to_be_visible()
    stages = visitor.page.get_by_text("✔ Aprobada", exact=True)
    expect(stages.first).to_be_visible()
    for stage in ("PARSING", "EXECUTION"):
        card = visitor.page.get_by_test_id("stColumn").filter(has_text=stage)
        expect(card.get_by_text("✔ Aprobada")).to_be_visible()
    assert visitor.console == []
    assert visitor.hosts == {"127.0.0.1"}


def test_a_student_is_told_what_is_wrong_with_an_archive(browser: Browser, project: Project) -> None:
    visitor = sign_in(browser, project, "estudiante2")

    upload(visitor.page, b"PK\x03\x04 and then something else")

    expect(visitor.page.get_by_text("El archivo comprimido está dañado")).to_be_visible()


def test_a_file_that_is_no_archive_is_refused_before_it_is_sent(browser: Browser, project: Project) -> None:
    page = sign_in(browser, project, "estudiante2").page

    button = choose_cube(page, b"this is a text file")

    expect(page.get_by_text("Este archivo no es un ZIP")).to_be_visible()
    expect(button).to_be_disabled()


def test_a_wrong_password_is_told_without_saying_which_half_was_wrong(
    browser: Browser, project: Project
) -> None:
    page = browser.new_context(locale="es-CO").new_page()
    page.goto(project.address)
    settled(page)
    for name in ("estudiante5", "nobody"):
        page.get_by_label("Correo").fill(f"{name}@uniandes.edu.co")
        page.get_by_label("Contraseña").fill("not the password")
        page.get_by_role("button", name="Iniciar sesión").click()

        expect(page.get_by_text("El correo o la contraseña no es correcto")).to_be_visible()


def test_a_professor_and_a_monitor_see_their_screens(browser: Browser, project: Project) -> None:
    visitor = sign_in(browser, project, "profesora", "/definitions")
    professor = visitor.page
    expect(professor.get_by_role("heading", name="Definiciones de tareas")).to_be_visible()
    for name in ("G-code", "Cypress", "Python tests"):
        expect(professor.get_by_text(f"{name} · demo")).to_be_visible()
    assert visitor.console == [], "nor on a deep link"

    monitor = sign_in(browser, project, "monitor", "/monitoring").page
    expect(monitor.get_by_role("heading", name="Monitoreo")).to_be_visible()
    expect(monitor.get_by_text("Reencoladas").first).to_be_visible()


def test_a_student_may_not_open_the_professors_pages(browser: Browser, project: Project) -> None:
    page = sign_in(browser, project, "estudiante3").page

    for screen in SCREENS:
        if "student" not in screen.roles:
            page.goto(f"{project.address}/{screen.path}")
            expect(page.get_by_text("no permite abrir esta página")).to_be_visible()


def test_signing_out_ends_every_tab(browser: Browser, project: Project) -> None:
    page = sign_in(browser, project, "estudiante4").page
    other = page.context.new_page()
    other.goto(project.address)
    expect(other.get_by_role("button", name="Cerrar sesión")).to_be_visible()

    page.get_by_role("button", name="Cerrar sesión").click()

    expect(page.get_by_role("button", name="Iniciar sesión")).to_be_visible()
    other.reload()
    expect(other.get_by_role("button", name="Iniciar sesión")).to_be_visible()


def test_a_professor_creates_a_definition_and_opens_it_to_the_course(
    browser: Browser, project: Project
) -> None:
    page = sign_in(browser, project, "profesora", "/definitions").page
    page.get_by_role("button", name="+ Nueva definición").click()
    page.get_by_label("Nombre", exact=True).fill("Robots")
    page.get_by_role("button", name="Siguiente").click()
    for number, command in enumerate(("python3 /image/a.py", "python3 /image/b.py")):
        page.get_by_label("Comando").nth(number).fill(command)
        image = {"name": "image.tar.gz", "mimeType": "application/gzip", "buffer": b"image"}
        page.locator("input[type=file]").nth(number).set_input_files(image)  # type: ignore[arg-type]  # a literal
        expect(page.get_by_text("Elegido:")).to_have_count(number + 1)
    page.get_by_role("button", name="Siguiente").click()
    expect(page.get_by_text("Está todo lo necesario")).to_be_visible()

    page.get_by_role("button", name="Guardar").dblclick()

    expect(page.get_by_text("Robots — PARSING → EXECUTION")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="ya existe")).to_have_count(0)
    page.goto(f"{project.address}/assignments")
    page.get_by_role("button", name="+ Nueva asignación").click()
    page.get_by_label("Nombre", exact=True).fill("Robots de marzo")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_text("Robots de marzo").first).to_be_visible()
