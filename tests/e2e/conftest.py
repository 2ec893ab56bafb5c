"""One running project and one browser for all walks.

They end with the walks: Playwright keeps an event loop in the thread of the tests.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.browsing import VISITORS, Project, launched, running


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with running(tmp_path_factory.mktemp("project")) as project:
        yield project


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _tabs(browser: Browser) -> Iterator[None]:
    """Close every tab after its test: one that stays open is drawn again and again beside the next test.

    What the consoles said stands in the report of a test that fails.
    """
    VISITORS.clear()
    yield
    for visitor in VISITORS:
        sys.stdout.write("\n".join([visitor.page.url, *visitor.console, ""]))
    for context in browser.contexts:
        context.close()
