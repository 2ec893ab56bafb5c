"""Every page under the Content-Security-Policy: a browser finds nothing to complain about."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.registry import SCREENS
from tests.e2e.browsing import Project, settled, sign_in, watch

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def look(page: Page, address: str) -> None:
    answer = page.goto(address)
    assert answer is not None
    assert "unsafe" not in answer.headers["content-security-policy"]
    settled(page)
    page.wait_for_timeout(500)  # charts and tables are drawn after the page


@pytest.mark.parametrize(
    ("who", "role"), [("profesora", "professor"), ("estudiante2", "student"), ("admin", "admin")]
)
def test_each_page_of_a_role_has_an_empty_console(
    browser: Browser, project: Project, who: str, role: str
) -> None:
    visitor = sign_in(browser, project, who)

    for screen in SCREENS:
        if role in screen.roles:
            look(visitor.page, f"{project.address}/{screen.path}")
    if role == "professor":
        look(visitor.page, f"{project.address}/monitoring?wall=1")

    assert visitor.console == []
    assert visitor.hosts == {"127.0.0.1"}


def test_markup_that_was_slipped_in_runs_nothing(browser: Browser, project: Project) -> None:
    visitor = watch(browser.new_context().new_page())
    look(visitor.page, project.address)

    ran = visitor.page.evaluate(
        """() => {
          const script = document.createElement("script")
          script.textContent = "window.slippedIn = true"
          document.body.append(script)
          document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.slippedIn = true'>")
          setTimeout("window.slippedIn = true") // later, when it is not the test that runs
          return new Promise((done) => setTimeout(() => done(Boolean(window.slippedIn)), 300))
        }"""
    )

    assert not ran
    assert visitor.console


def test_the_documents_of_the_api_load_nothing_from_elsewhere(browser: Browser, project: Project) -> None:
    visitor = watch(browser.new_context().new_page())

    visitor.page.goto(f"{project.api}/docs")

    expect(visitor.page.get_by_text("/assignments/{assignment_id}/submit").first).to_be_visible()
    assert (visitor.console, visitor.hosts) == ([], {"127.0.0.1"})
