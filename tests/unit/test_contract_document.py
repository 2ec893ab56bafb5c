"""The contract in `docs/contract.md` names what the code refers to and what the endpoint serves."""

from __future__ import annotations

import re
from pathlib import Path

from api.app import create_app
from core.config import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
REFERENCE = re.compile(r"\bcontract,? (?:sections? )?(\d(?:\.\d)?)")
SECTIONS = set(re.findall(r"^#+ (\d(?:\.\d)?)\.? ", DOCUMENT, flags=re.MULTILINE))


def test_every_section_that_code_refers_to_exists() -> None:
    referred = {
        section
        for folder in ("api", "core", "dashboard", "runner", "pages", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for section in REFERENCE.findall(path.read_text(encoding="utf-8"))
    }

    assert referred
    assert referred <= SECTIONS


def test_every_route_of_the_contract_is_served() -> None:
    named = {
        (method, re.sub(r"\{\w+\}", "{}", path.partition("?")[0].rstrip("/")))
        for method, path in re.findall(r"(GET|POST|PUT|PATCH|DELETE)(?: \| |\s)`?(/[^`\s]*)`", DOCUMENT)
    }
    served = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path.rstrip("/")))
        for path, item in create_app(Settings(_env_file=None)).openapi()["paths"].items()
        for method in item
    }

    assert len(named) > 25
    assert named <= served
