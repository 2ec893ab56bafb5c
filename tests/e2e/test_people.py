"""Ways in for people without a password, and that everybody can use every screen."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from dashboard.registry import SCREENS
from tests.e2e.browsing import Project, settled, sign_in, watch

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PASSWORD = "violeta puente lunes tambor"
PEOPLE = {"professor": "profesora", "student": "estudiante9", "admin": "admin"}
"""Whom the screens are opened by: each by the first who may (a monitor sees a part of a professor's)."""

PARTS = {
    "professor": (
        "submissions?view=students",
        "submissions?view=attention",
        "submissions?view=reruns",
        "task?task=1",
        "definitions?dry_run=1",
    ),
    "student": (),
    "admin": tuple(f"admin?section={name}" for name in ("courses", "tokens", "components", "settings")),
}
"""What stands behind a choice within a screen."""

NOT_OURS: dict[str, str] = {}
"""Rule → why what it finds is in Streamlit's own markup, where nothing from outside reaches."""


def test_somebody_who_was_added_sets_a_password_by_the_link_and_is_in(
    browser: Browser, project: Project
) -> None:
    professor = sign_in(browser, project, "profesora", "/courses").page
    professor.get_by_text("+ Agregar una persona").click()
    professor.get_by_label("Correo", exact=True).fill("invitada@uniandes.edu.co")
    professor.get_by_role("button", name="Agregar", exact=True).click()
    shown = professor.get_by_test_id("stCode").filter(has_text="set_password").inner_text()
    link = shown.split()[-1]
    visitor = watch(browser.new_context(locale="es-CO").new_page())
    page = visitor.page

    page.goto(project.address + link[link.index("/set_password") :])
    page.get_by_label("Contraseña nueva").fill(PASSWORD)
    page.get_by_label("La misma contraseña otra vez").fill(PASSWORD)
    assert "token" not in page.url
    page.get_by_role("button", name="Definir la contraseña e iniciar sesión").click()

    expect(page.get_by_role("button", name="Cerrar sesión")).to_be_visible()
    page.go_back()
    assert "token" not in page.url, "nor in the history"
    page.goto(project.address + link[link.index("/set_password") :])
    expect(page.get_by_text("Este enlace ya se usó")).to_be_visible()
    assert visitor.console == []


def test_the_language_that_somebody_chooses_applies_at_once_and_is_told_to_the_browser(
    browser: Browser, project: Project
) -> None:
    page = sign_in(browser, project, "estudiante7", "/account").page
    expect(page).to_have_title("Cuenta · ULOS")
    expect(page.locator("html")).to_have_attribute("lang", "es")

    page.get_by_text("English", exact=True).click()

    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    expect(page).to_have_title("Account · ULOS")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_first_stop_of_the_tab_key_leads_to_the_content(browser: Browser, project: Project) -> None:
    page = sign_in(browser, project, "estudiante8", "/courses").page
    page.reload()
    expect(page.get_by_role("heading", name="Cursos", exact=True)).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_text("Saltar al contenido")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("stMain")).to_be_focused()


def test_a_log_that_scrolls_is_scrolled_by_keyboard(browser: Browser, project: Project) -> None:
    page = sign_in(browser, project, "estudiante9", viewport={"width": 390, "height": 900}).page
    log = page.get_by_test_id("stCode").filter(has_text="PARSING").locator("pre")
    if not log.is_visible():
        page.locator("summary").filter(has_text="Registro").click()
    log.scroll_into_view_if_needed()
    expect(log).to_have_attribute("tabindex", "0")
    log.focus()

    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")

    page.wait_for_function("element => element.scrollLeft + element.scrollTop > 0", arg=log.element_handle())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", PEOPLE)
def test_axe_finds_nothing_serious_on_any_screen(
    browser: Browser, project: Project, *, role: str, theme: str
) -> None:
    page = sign_in(browser, project, PEOPLE[role], color_scheme=theme).page
    theirs = [one.path for one in SCREENS if role == next(name for name in PEOPLE if name in one.roles)]
    found = []
    for address in (*theirs, *PARTS[role]):
        page.goto(f"{project.address}/{address}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settled(page)
        closed = page.locator("details:not([open]) > summary").filter(visible=True)
        for _ in range(min(3, closed.count())):
            closed.first.click()
        settled(page)
        found += [f"{address}: {finding}" for finding in serious(page)]
    assert found == []


def test_axe_finds_nothing_serious_before_the_sign_in(browser: Browser, project: Project) -> None:
    page = browser.new_context(locale="es-CO").new_page()
    page.goto(project.address)
    expect(page.get_by_role("button", name="Olvidé mi contraseña")).to_be_visible()
    at_the_door = serious(page)
    page.goto(f"{project.address}/set_password?token=none")
    expect(page.get_by_text("Este enlace ya se usó")).to_be_visible()

    assert at_the_door + serious(page) == []


def serious(page: Page) -> list[str]:
    """Rule and places of what axe calls serious or critical, less what is not ours."""
    return [
        f"{rule['id']} {[node['html'][:200] for node in rule['nodes'][:3]]}"
        for rule in Axe().run(page).response["violations"]
        if rule["impact"] in {"serious", "critical"} and rule["id"] not in NOT_OURS
    ]
