"""Rules that decay when no test holds them."""

from __future__ import annotations

import ast
import pickle
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import errors
from core.auth import TABLE, Right
from core.config import Settings
from dashboard.i18n import catalogue
from dashboard.registry import SCREENS
from web.statuses import status_of

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("core", "web", "api", "dashboard", "runner", "pages")
    for path in (ROOT / folder).rglob("*.py")
]


def kinds(base: type[errors.UlosError] = errors.UlosError) -> Iterator[type[errors.UlosError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_every_error_speaks_both_languages_with_the_same_values(kind: type[errors.UlosError]) -> None:
    if not kind.texts:
        assert kind.__subclasses__(), "an error that is raised has a sentence"
        return
    fields = {
        language: {name for _, name, _, _ in string.Formatter().parse(text) if name}
        for language, text in kind.texts.items()
    }
    assert fields["es"] == fields["en"]
    assert 400 <= status_of(kind(**dict.fromkeys(fields["en"], "x"))) <= 503


def test_whatever_does_not_exist_has_a_name_in_spanish() -> None:
    named = {
        keyword.value.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "NotFound"
        for keyword in node.keywords
        if keyword.arg == "what" and isinstance(keyword.value, ast.Constant)
    }
    assert named == set(errors.NotFound.kinds)
    assert errors.NotFound(what="stage").sentence("es") == (
        "No existe este elemento (etapa) o no tienes acceso a él."
    )


def test_an_error_can_be_kept_by_a_cache_with_its_values() -> None:
    error = errors.NotFound(what="assignment")

    again = pickle.loads(pickle.dumps(error))  # noqa: S301  made in the same line

    assert (type(again), again.values, str(again)) == (errors.NotFound, error.values, str(error))


def test_only_the_database_module_commits() -> None:
    committing = [
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if re.search(r"\.commit\(|session\.begin\(", path.read_text())
    ]
    assert committing == ["core/db.py"]


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"`ULOS_([A-Z_]+)` \|", (ROOT / "docs/operations.md").read_text()))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_right_is_decided() -> None:
    assert set(TABLE) == set(Right)


def test_every_text_of_the_screens_has_its_spanish() -> None:
    used = {screen.title for screen in SCREENS}
    for path in SOURCES:
        if path.parts[len(ROOT.parts)] not in {"dashboard", "pages"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                used |= {str(text.value) for text in node.args if isinstance(text, ast.Constant)}
    assert used - set(catalogue("es")) == set()


def test_pages_see_use_cases_only() -> None:
    allowed = ("core.services", "core.vocabulary", "core.errors", "core.context", "core.auth", "dashboard")
    for page in (ROOT / "pages").glob("*.py"):
        for node in ast.walk(ast.parse(page.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("core"):
                assert node.module.startswith(allowed), f"{page.name} imports {node.module}"


def test_no_page_renders_raw_html() -> None:
    assert [path.name for path in SOURCES if "unsafe_allow_html" in path.read_text()] == []


def test_helpers_of_tests_are_imported_one_way() -> None:
    helpers = {path.stem for path in (ROOT / "tests").glob("*.py")} | {"e2e"}
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("tests", "bench", "docs")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in helpers)
        or (isinstance(node, ast.Import) and {name.name.split(".")[0] for name in node.names} & helpers)
    ]
    assert not bare, "written as `from tests.… import …`: a second copy has fixtures and classes of its own"


def test_every_decision_has_a_number_of_its_own_and_says_it() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [path.name[:4] for path in decisions]

    assert len(numbers) == len(set(numbers))
    assert [path.name for path in decisions if not path.read_text().startswith(f"# {path.name[:4]} ")] == []


def test_every_link_between_documents_leads_to_a_file() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]

    assert dead == []
