"""A student's own way: hand in, keep the receipt, come back by its address."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from core.demo import samples
from tests.e2e.browsing import Project, sign_in, upload

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_receipt_leads_to_the_page_that_finds_it_valid(browser: Browser, project: Project) -> None:
    visitor = sign_in(browser, project, "estudiante6", viewport={"width": 390, "height": 844})
    page = visitor.page
    upload(page, samples.gcode_good())
    expect(page.get_by_text("SHA-256").first).to_be_visible()
    page.wait_for_url("**/my_work?task=*")
    address = page.url

    page.get_by_test_id("stExpander").filter(has_text="Comprobante").get_by_text("Comprobante").first.click()
    link = page.get_by_role("link", name="Verificar este comprobante").get_attribute("href")
    page.goto(f"{project.address}{link}")

    expect(page.get_by_text("Válido")).to_be_visible()
    page.goto(address)
    expect(page.get_by_text("Imprime un cubo", exact=True).first).to_be_visible()
    assert page.url == address, "it survives a reload"
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide
    assert visitor.console == []
