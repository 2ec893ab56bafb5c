"""A professor uploads a list of students and the PDF of an assignment, in a browser, in Spanish."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.browsing import Project, settled, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"
ENGLISH = ("Upload", "per file", "Drag and drop", "Browse")
"""What Streamlit's own uploader says, whatever the language."""


def choose(place: Locator, name: str, kind: str, content: bytes) -> None:
    chosen = {"name": name, "mimeType": kind, "buffer": content}
    place.locator("input[type=file]").set_input_files(chosen)  # type: ignore[arg-type]  # a literal dict


def test_a_list_is_looked_at_before_it_is_applied(browser: Browser, project: Project) -> None:
    visitor = sign_in(browser, project, "profesora", "/courses", viewport={"width": 390, "height": 844})
    page = visitor.page
    page.get_by_text("+ Importar una lista").click()
    part = page.get_by_test_id("stExpander").filter(has_text="+ Importar una lista")
    said = part.inner_text()
    assert [word for word in ENGLISH if word in said] == []
    rows = (
        "correo,nombre\nestudiante1@uniandes.edu.co,Uno\ndel.archivo@uniandes.edu.co,Ñandú\nx@gmail.com,No\n"
    )

    choose(part, "lista ñ.csv", "text/csv", rows.encode())

    expect(part.get_by_text("Se agregarían: 1")).to_be_visible()
    expect(part.get_by_text("Rechazadas: 1")).to_be_visible()
    part.get_by_role("button", name="Agregar: 1 · Corregir: 1").click()
    expect(page.get_by_test_id("stCode").filter(has_text="del.archivo@uniandes.edu.co")).to_be_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert visitor.console == []


def test_a_pdf_that_is_none_is_refused_in_words_and_a_good_one_goes_with_the_duplicate(
    browser: Browser, project: Project
) -> None:
    visitor = sign_in(browser, project, "profesora", "/assignments")
    page = visitor.page
    card = page.locator("[class*=st-key-assignment-]").filter(has_text="Pruebas en Python").last
    card.get_by_role("button", name="PDF", exact=True).click()
    settled(page)
    choose(card, "no.pdf", "application/pdf", b"nothing")
    expect(card.get_by_text("no es un PDF completo")).to_be_visible()

    choose(card, "enunciado ñ.pdf", "application/pdf", PDF)

    expect(card.get_by_role("button", name="Quitar el PDF")).to_be_visible()
    card.get_by_role("button", name="Duplicar").click()
    expect(page.get_by_text("⤓ Enunciado (PDF) · enunciado ñ.pdf", exact=True)).to_be_visible()
    page.get_by_role("button", name="Guardar", exact=True).click()
    copy = page.locator("[class*=st-key-assignment-]").filter(has_text="Pruebas en Python (copia)").last
    copy.get_by_text("Enunciado", exact=True).click()
    with page.expect_download() as started:
        copy.get_by_role("link", name="enunciado ñ.pdf").click()
    assert started.value.path().read_bytes() == PDF
    assert visitor.console == []
