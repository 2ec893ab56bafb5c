"""Names of Streamlit that are not in its documentation: each is listed, and each is still there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import streamlit
from streamlit import config

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(streamlit.__file__).parent
ADR = (ROOT / "docs/decisions/0016-live-views.md").read_text(encoding="utf-8")
PUBLIC = {"streamlit", "streamlit.starlette", "streamlit.components.v2"}
PAGE_NAMES = (
    r"data-testid\^?=([\w-]+)|(data-test-[a-z-]+)|(data-tag)\b"
    r"|(__streamlit)\b|(BACKEND_BASE_URL)|(_stcore/[\w-]+)"
)
SHIPPED = ("static/static/js/*.js", "static/*.html", "web/**/*.py")


def sources() -> list[str]:
    folders = ("dashboard", "pages", "core", "api", "runner", "web")
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return [path.read_text("utf-8") for path in found if path.suffix in {".py", ".js", ".css", ".html"}]


def names(pattern: str) -> set[str]:
    return {name for text in sources() for found in re.findall(pattern, text) for name in found if name}


MODULES = names(r"(?:from|import) ((streamlit(?:\.\w+)+))") - PUBLIC
OPTIONS = {
    f"{section}.{name}"
    for section, lines in re.findall(
        r"\[([\w.]+)\]\n((?:(?!\[).*\n?)*)", (ROOT / ".streamlit/config.toml").read_text("utf-8")
    )
    for name in re.findall(r"^(\w+) =", lines, re.MULTILINE)
}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_private_module_is_listed_and_there(module: str) -> None:
    assert f"`{module}`" in ADR
    importlib.import_module(module)


@pytest.mark.parametrize("name", sorted(names(PAGE_NAMES)))
def test_a_private_name_of_the_page_is_listed_and_there(name: str) -> None:
    shipped = [path.read_bytes() for pattern in SHIPPED for path in PACKAGE.glob(pattern)]
    wanted = name.removesuffix("-primary").encode()

    assert f"`{name}`" in ADR
    assert any(wanted in content for content in shipped)


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_an_option_of_the_configuration_exists(option: str) -> None:
    assert option in config.get_config_options()
