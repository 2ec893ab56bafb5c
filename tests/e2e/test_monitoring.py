"""A monitor gets from something red to everything requeued, with its cause noted, in a few clicks."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from e2e.browsing import Project, sign_in

pytestmark = pytest.mark.e2e


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
    expect(page.get_by_text("Reejecución:")).to_be_visible()
    page.get_by_text("Quién hizo qué").first.click()

    expect(page.get_by_text("Descargar como CSV")).to_be_visible()
    assert page.evaluate("window.clicks") < 10
    page.get_by_text("Fallas", exact=True).first.click()
    expect(page.get_by_label("Causa", exact=True).first).not_to_have_value(cause)
