"""A professor tries a definition on a sample, in a browser, on the real runner."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from core.demo import samples
from tests.e2e.browsing import Project, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_sample_goes_through_all_stages_before_the_eyes_of_the_professor(
    browser: Browser, project: Project
) -> None:
    visitor = sign_in(browser, project, "profesora", "/definitions", viewport={"width": 390, "height": 844})
    page = visitor.page
    definition = page.get_by_test_id("stExpander").filter(has_text="G-code · demo")
    definition.locator("summary").click()
    definition.get_by_role("button", name="Ejecución de prueba").click()
    page.wait_for_url("**/definitions?dry_run=*")

    begin(page, samples.gcode_good())

    expect(page.get_by_text("✔ Aprobada", exact=True).first).to_be_visible(timeout=120_000)
    page.wait_for_url("**task=*")
    page.get_by_text("Salida de cada etapa").click()
    expect(page.get_by_text("EXECUTION").last).to_be_visible()
    expect(
        page.get_by_text("Muestra recibida y guardada para una ejecución de prueba").first
    ).to_be_attached()
    expect(page.get_by_role("button", name="muestra.zip")).to_have_count(1)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    page.get_by_role("button", name="Todas las definiciones").click()
    expect(page.get_by_role("button", name="+ Nueva definición")).to_be_visible()
    assert "task=" not in page.url
    assert visitor.console == []


def begin(page: Page, content: bytes) -> None:
    chosen = {"name": "muestra.zip", "mimeType": "application/zip", "buffer": content}
    page.locator("input[type=file]").set_input_files(chosen)  # type: ignore[arg-type]  # a literal dict
    button = page.get_by_role("button", name="Iniciar la ejecución de prueba")
    expect(button).to_be_enabled()
    button.press("Enter")
