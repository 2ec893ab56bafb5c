"""One running project and one browser for all walks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.browsing import Project, launched, running
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with running(tmp_path_factory.mktemp("project")) as project:
        yield project


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser
