"""Ways in for people without a password, and that everybody can use every screen."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

import dashboard
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


def test_a_person_who_was_added_sets_a_password_by_the_link_and_is_in(
    browser: Browser, project: Project
) -> None:
    professor = sign_in(browser, project, "profesora", "/courses").page
    link = add(professor, "invitada@uniandes.edu.co")
    token = link.partition("token=")[2]
    visitor = watch(browser.new_context(locale="es-CO").new_page())
    page = visitor.page
    referrers: list[str] = []
    page.on("request", lambda sent: referrers.append(sent.headers.get("referer", "")))

    page.goto(project.address + link[link.index("/link") :])
    set_password(page)

    page.go_back()
    assert "token" not in page.url, "nor in the history"
    page.goto(project.address + link[link.index("/link") :])
    expect(page.get_by_text("Este enlace ya se usó")).to_be_visible()
    assert "token" not in page.url
    assert visitor.console == []
    assert not [address for address in referrers if token in address]
    assert not [log for log in (project.folder / "log").iterdir() if token in log.read_text(errors="replace")]


def test_a_person_who_registered_is_in_the_course_once_the_mailbox_is_proven(
    browser: Browser, project: Project
) -> None:
    page = browser.new_context(locale="es-CO").new_page()
    page.goto(project.address)
    page.get_by_role("button", name="Crear una cuenta").click()
    expect(page.get_by_role("heading", name="Crear una cuenta")).to_be_visible()
    page.get_by_label("Correo").fill("nueva@uniandes.edu.co")
    page.get_by_label("Nombre completo").fill("Núria Nueva")
    page.get_by_label("Contraseña", exact=True).fill("tambor lunes puente violeta")
    page.get_by_label("La misma contraseña otra vez").fill("tambor lunes puente violeta")
    page.get_by_role("button", name="Crear una cuenta").click()
    expect(page.get_by_text("Tu correo aún no está confirmado")).to_be_visible()

    professor = sign_in(browser, project, "profesora", "/courses").page
    link = add(professor, "nueva@uniandes.edu.co")
    page.reload()
    expect(page.get_by_text("Tu correo aún no está confirmado")).to_be_visible()
    page.goto(project.address + link[link.index("/link") :])
    set_password(page)

    expect(page.get_by_role("heading", name="Mi trabajo")).to_be_visible()


def test_links_of_people_without_access_can_be_fetched_again(browser: Browser, project: Project) -> None:
    professor = sign_in(browser, project, "profesora", "/courses").page
    first = add(professor, "olvidada@uniandes.edu.co")
    professor.get_by_role("button", name="Ya los copié").click()
    expect(professor.get_by_test_id("stCode")).to_have_count(0)

    professor.get_by_role("button", name="Enlaces para todos los que no tienen acceso").click()

    shown = professor.get_by_test_id("stCode").filter(has_text="olvidada@").inner_text()
    again = next(line.split()[-1] for line in shown.splitlines() if line.startswith("olvidada@"))
    assert again != first
    page = browser.new_context(locale="es-CO").new_page()
    page.goto(project.address + again[again.index("/link") :])
    set_password(page)


def test_guesses_from_the_same_address_do_not_keep_a_known_browser_out(
    browser: Browser, project: Project
) -> None:
    page = sign_in(browser, project, "estudiante28").page
    page.get_by_role("button", name="Cerrar sesión", exact=True).click()
    expect(page.get_by_role("button", name="Iniciar sesión")).to_be_visible()
    body = {"email": "estudiante28@uniandes.edu.co", "password": "wrong"}
    codes = [httpx.post(f"{project.api}/auth/login", json=body).status_code for _ in range(7)]

    page.get_by_label("Correo").fill("estudiante28@uniandes.edu.co")
    page.get_by_label("Contraseña").fill("ulos-demo")
    page.get_by_role("button", name="Iniciar sesión").click()

    expect(page.get_by_role("button", name="Cerrar sesión", exact=True)).to_be_visible()
    assert codes[:5] == [401] * 5
    assert codes[-1] == 429
    kept = {cookie["name"]: cookie["httpOnly"] for cookie in page.context.cookies()}
    assert kept["ulos_device"] is True


def test_other_users_of_the_machine_read_neither_logs_nor_originals(project: Project) -> None:
    written = [
        path for name in ("log", "ftp") for path in (project.folder / name).rglob("*") if path.is_file()
    ]

    assert written
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def add(page: Page, email: str) -> str:
    """Add a person to the course as its professor; return the link that is shown."""
    page.get_by_text("+ Agregar una persona").click()
    page.get_by_label("Correo", exact=True).fill(email)
    page.get_by_role("button", name="Agregar", exact=True).click()
    shown = page.get_by_test_id("stCode").filter(has_text=email).inner_text()
    return shown.split()[-1]


def set_password(page: Page) -> None:
    """Set a password on the screen that a link opened, which signs in."""
    page.get_by_label("Contraseña nueva").fill(PASSWORD)
    page.get_by_label("La misma contraseña otra vez").fill(PASSWORD)
    assert "token" not in page.url
    page.get_by_role("button", name="Definir la contraseña e iniciar sesión").click()
    expect(page.get_by_role("button", name="Cerrar sesión")).to_be_visible()


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
    page.goto(f"{project.address}/link#token=none")
    expect(page.get_by_text("Este enlace ya se usó")).to_be_visible()

    assert at_the_door + serious(page) == []


def test_axe_finds_nothing_serious_in_an_upload_form_before_its_labels_arrive(browser: Browser) -> None:
    page = browser.new_page()
    form = (Path(dashboard.__file__).parent / "uploads" / "form.html").read_text(encoding="utf-8")
    page.set_content(f'<html lang="es"><title>Entregar</title><main>{form}</main></html>')

    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """Rule and places of what axe calls serious or critical, less what is not ours."""
    return [
        f"{rule['id']} {[node['html'][:200] for node in rule['nodes'][:3]]}"
        for rule in Axe().run(page).response["violations"]
        if rule["impact"] in {"serious", "critical"} and rule["id"] not in NOT_OURS
    ]
