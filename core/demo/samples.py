"""Small submissions of our own making, in the shapes that students send: for the demo and the tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_PROPERTIES = "[PRINTER]\nMAX_X = 200\nMAX_Y = 200\nMAX_Z = 200\nLONG_MOVE_THRESHOLD = 100\n"
_SQUARE = (
    "G21\nG90\nG28\nG1 Z0.2 F300\nG1 X30 Y0 E1 F1500\n"
    "G1 X30 Y30 E2\nG1 X0 Y30 E3\nG1 X0 Y0 E4 ; closed\nM84\n"
)
_CONFIG = "const { defineConfig } = require('cypress');\nmodule.exports = defineConfig({ e2e: {} });\n"
_SPEC = "describe('page', () => {\n  it('opens', () => {\n    cy.visit('index.html');\n  });\n});\n"


def gcode_good() -> bytes:
    """A square that fits the printer."""
    return _mac_archive("gcode", {"square.gcode": _SQUARE, "printer.properties": _PROPERTIES})


def gcode_outside() -> bytes:
    """A move beyond the printer's limits, in line 5."""
    return _mac_archive(
        "gcode", {"square.gcode": _SQUARE.replace("X30 Y0", "X900 Y0"), "printer.properties": _PROPERTIES}
    )


def gcode_unknown() -> bytes:
    """A line that is no G-code, line 3."""
    return _mac_archive("gcode", {"square.gcode": _SQUARE.replace("G28", "HELLO")})


def cypress_good() -> bytes:
    """A project with one spec."""
    return _mac_archive(
        "web", {"cypress.config.js": _CONFIG, "package.json": "{}", "cypress/e2e/page.cy.js": _SPEC}
    )


def cypress_failing() -> bytes:
    """A spec that claims what can never hold, in line 3."""
    claim = _SPEC.replace("cy.visit('index.html')", "expect(true).to.equal(false)")
    return _mac_archive("web", {"cypress.config.js": _CONFIG, "cypress/e2e/page.cy.js": claim})


def cypress_unreadable() -> bytes:
    """A spec whose test is no function, in line 2: the syntax error that students make most."""
    broken = _SPEC.replace("'opens', () => {", "'opens', {")
    return _mac_archive("web", {"cypress.config.js": _CONFIG, "cypress/e2e/page.cy.js": broken})


def pytest_good() -> bytes:
    """One test that passes."""
    return _mac_archive("code", {"test_sum.py": "def test_sum():\n    assert 1 + 1 == 2\n"})


def pytest_failing() -> bytes:
    """One test that fails."""
    return _mac_archive("code", {"test_sum.py": "def test_sum():\n    assert 1 + 1 == 3\n"})


def pytest_running(code: str) -> bytes:
    """A test whose body is `code`: for what a sandbox must hold."""
    body = "".join(f"    {line}\n" for line in code.splitlines())
    return _mac_archive("code", {"test_it.py": f"def test_it():\n{body}"})


def no_entry() -> bytes:
    """An archive without any entry."""
    return _archive({})


def climbs_out() -> bytes:
    """An entry with `../` in its name."""
    return _archive({"work/a.txt": "a", "../outside.txt": "b"})


def brings_results() -> bytes:
    """A submission that brings its own verdict."""
    return _archive({"work/square.gcode": _SQUARE, "work/results/passed.log": "passed"})


def bomb() -> bytes:
    """A small file that unpacks to more than two gigabytes."""
    content = io.BytesIO()
    zeros = bytes(1 << 22)
    with (
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made,
        made.open("work/zeros.bin", "w", force_zip64=True) as entry,
    ):
        for _ in range(540):
            entry.write(zeros)
    return content.getvalue()


def _mac_archive(folder: str, files: Mapping[str, str]) -> bytes:
    """As a Mac packs it: one enclosing folder, with its private files beside."""
    extra = {f"__MACOSX/._{folder}": "mac", f"{folder}/.DS_Store": "mac"}
    return _archive({f"{folder}/{name}": text for name, text in files.items()} | extra)


def _archive(files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(zipfile.ZipInfo(name, (2026, 2, 1, 8, 0, 0)), text)
    return content.getvalue()
