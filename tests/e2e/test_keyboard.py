"""The work of each role without a mouse: every control is reached with Tab and used with the keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.demo import samples
from tests.e2e.browsing import Project, settled, watch

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

FARTHEST = 150
"""More often one need not press Tab on any screen to reach what one came for."""


def reach(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press `key` until `target` has the focus, which must be seen."""
    expect(target).to_be_visible()
    for _ in range(FARTHEST):
        page.keyboard.press(key)
        if target.evaluate("one => one.matches(':focus')"):
            return
    pytest.fail(f"{target} is not reached")


def enter(browser: Browser, project: Project, name: str) -> Page:
    """Sign in with the keys alone."""
    page = watch(browser.new_context(locale="es-CO").new_page()).page
    page.goto(project.address)
    settled(page)
    reach(page, page.get_by_label("Correo"))
    page.keyboard.type(f"{name}@uniandes.edu.co")
    reach(page, page.get_by_label("Contraseña"))
    page.keyboard.type("ulos-demo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cerrar sesión", exact=True)).to_be_visible()
    settled(page)
    return page


def go(page: Page, name: str) -> None:
    """To another page by its link."""
    link = page.get_by_role("link", name=name, exact=True)
    reach(page, link)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    settled(page)


def test_a_professor_opens_an_assignment_with_the_keys(browser: Browser, project: Project) -> None:
    page = enter(browser, project, "profesora")
    go(page, "Asignaciones")
    reach(page, page.get_by_role("button", name="+ Nueva asignación"))
    page.keyboard.press("Enter")
    reach(page, page.get_by_label("Nombre", exact=True))
    page.keyboard.type("Abierta con las teclas")
    reach(page, page.get_by_role("combobox", name="Definición"))
    page.keyboard.type("Cypress")
    page.keyboard.press("Enter")
    reach(page, page.get_by_role("button", name="Guardar"))
    page.keyboard.press("Enter")

    expect(page.get_by_text("Abierta con las teclas")).to_be_visible()


def test_a_monitor_requeues_a_cause_with_the_keys(browser: Browser, project: Project) -> None:
    page = enter(browser, project, "monitor")
    go(page, "Monitoreo")
    expect(page.get_by_role("button", name="y marcar como resuelta")).to_be_enabled()
    cause = page.get_by_label("Causa", exact=True).first
    handled = cause.input_value()
    reach(page, page.get_by_label("Causa y remedio"))
    page.keyboard.type("Imagen corregida")
    reach(page, page.get_by_role("button", name="y marcar como resuelta"))
    page.keyboard.press("Enter")

    expect(cause).not_to_have_value(handled)
    expect(page.get_by_text("Reejecución:")).to_be_visible()


def test_a_student_hands_in_and_opens_the_result_with_the_keys(browser: Browser, project: Project) -> None:
    page = enter(browser, project, "estudiante20")
    assignment = page.get_by_test_id("stExpander").filter(has_text="Imprime un cubo —")
    reach(page, assignment.locator("summary"))
    page.keyboard.press("Enter")
    file = assignment.locator("input[type=file]")
    reach(page, file)
    # The browser's own dialog is no part of the page.
    file.set_input_files({"name": "cubo.zip", "mimeType": "application/zip", "buffer": samples.gcode_good()})
    button = assignment.get_by_role("button", name="Entregar")
    expect(button).to_be_enabled()
    reach(page, button)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="✔ Aprobada")).to_be_visible()
