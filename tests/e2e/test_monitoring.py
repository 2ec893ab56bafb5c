"""What monitors do in a real browser: from something red to its remedy, alerts, the screen on the wall."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, text

from core.bootstrap import open_context
from core.config import Settings
from core.context import Context
from core.db import notify
from core.models import Assignment, ParkedReport, Task
from core.services import alerts, topics
from core.vocabulary import ParkReason
from tests.e2e.browsing import Project, settled, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def ctx(project: Project) -> Iterator[Context]:
    opened = open_context(Settings(data_dir=project.folder, _env_file=None))
    yield opened
    opened.db.dispose()


def park(ctx: Context) -> None:
    """A report of a submission of the first course that could not be applied; the rules are looked at."""
    with ctx.db.transaction() as session:
        task_id = session.scalars(
            select(Task.id).join(Assignment, Assignment.id == Task.assignment_id).order_by(Task.id).limit(1)
        ).one()
        session.add(
            ParkedReport(
                received_at=ctx.now(),
                routing_key="x",
                body=b"{",
                body_size=1,
                reason=ParkReason.UNREADABLE,
                task_id=task_id,
                file_path="",
            )
        )
        notify(session, alerts.ALERTS_TOPIC, topics.MONITORING)


def let_five_minutes_pass(ctx: Context) -> None:
    """So long an alert must be calm until it is over."""
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE alert_incident SET calm_since = calm_since - interval '6 minutes'"))
        notify(session, alerts.ALERTS_TOPIC)


def unpark(ctx: Context) -> None:
    with ctx.db.transaction() as session:
        session.execute(text("DELETE FROM parked_report"))
        notify(session, alerts.ALERTS_TOPIC, topics.MONITORING)


def scrolls(page: Page) -> bool:
    """Whether anything on the page is larger than what is seen of it."""
    return bool(
        page.evaluate(
            "[...document.querySelectorAll('*')].some(one => one.scrollHeight > one.clientHeight + 2"
            " && /auto|scroll/.test(getComputedStyle(one).overflowY))"
        )
    )


def test_from_red_to_requeued_with_its_cause_noted_in_under_ten_clicks(
    browser: Browser, project: Project
) -> None:
    page = sign_in(browser, project, "monitor", "/monitoring").page
    page.evaluate("window.clicks = 0; addEventListener('click', () => window.clicks++, true)")
    button = page.get_by_role("button", name="y marcar como resuelta")
    expect(button).to_be_enabled()
    cause = page.get_by_label("Causa", exact=True).first.input_value()

    note = page.get_by_label("Causa y remedio")
    note.click()
    note.fill("Imagen corregida")
    note.press("Tab")
    button.click()
    expect(page.get_by_label("Causa", exact=True).first).not_to_have_value(cause)
    expect(page.get_by_text("Reejecución:")).to_be_visible()
    page.get_by_text("Quién hizo qué").first.click()

    expect(page.get_by_text("Descargar como CSV")).to_be_visible()
    assert page.evaluate("window.clicks") < 10


def test_an_alert_from_its_rule_to_its_end(browser: Browser, project: Project, ctx: Context) -> None:
    professor = sign_in(browser, project, "profesora", "/monitoring?view=alerts").page
    least = professor.get_by_label("reportes", exact=True)
    least.fill("2")
    least.press("Tab")
    professor.get_by_role("button", name="Guardar las reglas").click()
    expect(professor.get_by_text("Las reglas rigen desde ahora")).to_be_visible()
    monitor = sign_in(browser, project, "monitor", "/monitoring?view=parked").page
    banner = monitor.get_by_text("Laboratorio de orquestación: 2 reportes no se pudieron aplicar")
    expect(banner).to_have_count(0)

    park(ctx)
    park(ctx)
    expect(banner).to_be_visible()

    monitor.get_by_role("button", name="Tomar a cargo").click()
    monitor.get_by_label("Nota para los demás").fill("Reviso el nodo 3")
    monitor.get_by_role("button", name="Yo me encargo").click()
    for page in (monitor, professor):
        expect(page.get_by_text("Reviso el nodo 3").first).to_be_visible()

    unpark(ctx)
    expect(banner).to_contain_text("Está mejorando")
    let_five_minutes_pass(ctx)
    expect(banner).to_have_count(0)
    expect(professor.get_by_text(re.compile(r"Lo que ya terminó \([1-9]"))).to_be_visible()


def test_the_wall_is_live_fits_its_screen_and_comes_back_after_a_reload(
    browser: Browser, project: Project, ctx: Context
) -> None:
    unpark(ctx)
    size = {"width": 1920, "height": 1080}
    page = sign_in(browser, project, "monitor", "/monitoring?window=168", viewport=size).page
    page.get_by_role("button", name="Pantalla de pared").click()
    leave = page.get_by_role("button", name="Salir de la pantalla de pared")
    expect(leave).to_be_visible()
    assert "wall=1" in page.url
    assert "window=168" in page.url
    assert not scrolls(page)

    page.reload()
    settled(page)
    expect(leave).to_be_visible()
    expect(page.get_by_text("Vista", exact=True)).to_have_count(0)
    parked = page.locator(".counts div").filter(has_text="Reportes apartados")
    expect(parked).to_contain_text("0")
    park(ctx)
    expect(parked).to_contain_text("1")

    leave.click()
    expect(page.get_by_role("button", name="Pantalla de pared")).to_be_visible()
    expect(page).to_have_url(re.compile(r"monitoring[?]window=168$"))


def test_who_did_what_keeps_its_filters_in_the_address_and_its_file_follows_them(
    browser: Browser, project: Project
) -> None:
    page = sign_in(browser, project, "monitor", "/monitoring?view=audit").page
    who = page.get_by_label("Quién (correo)")
    who.fill("monitor@uniandes.edu.co")
    who.press("Tab")
    page.wait_for_url("**who=monitor%40uniandes.edu.co**")
    page.reload()
    settled(page)
    expect(page.get_by_label("Quién (correo)")).to_have_value("monitor@uniandes.edu.co")

    with page.expect_download() as download:
        page.get_by_role("button", name="Descargar como CSV").click()

    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()[1:]
    assert lines
    assert all(";monitor@uniandes.edu.co;" in line for line in lines)
