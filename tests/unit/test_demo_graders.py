"""The graders of the demo, run as a node runs them: on everything that the archive held."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.demo import containers

LEFTOVERS = {
    "._tarea": "\0\5\26\7",
    "__MACOSX/tarea/._main.gcode": "\0\5\26\7",
    "desktop.ini": "[.ShellClassInfo]",
    "THUMBS.DB": "\0",
    ".git/hooks/test_hook.py": "not python",
    "._test_a.py": "\0\5\26\7",
    "._cypress.config.js": "\0\5\26\7",
    ".git/hook.gcode": "not a program",
}


def grade(tmp_path: Path, image: str, script: str, files: Mapping[str, bytes | str]) -> tuple[int, str]:
    """Exit code and output of `script` of `image` on `files`."""
    with tarfile.open(fileobj=io.BytesIO(containers.build(image))) as packed:
        packed.extractall(tmp_path / "image", filter="data")
    for name, content in files.items():
        path = tmp_path / "work" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = subprocess.run(
        [sys.executable, str(tmp_path / "image" / script)],
        cwd=tmp_path / "work",
        env={"PATH": os.environ["PATH"], "ULOS_LANGUAGE": "en"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("image", "scripts", "files"),
    [
        ("gcode", ["parse.py", "simulate.py"], {"tarea/main.gcode": "G28\nG1 X10 Y10 F1200\n"}),
        ("pytest", ["parse.py", "run.py"], {"test_a.py": "def test_it():\n    assert 1 == 1\n"}),
        (
            "cypress",
            ["parse.py", "check.py"],
            {
                "cypress.config.js": "module.exports = {};",
                "cypress/e2e/a.cy.js": "it('is', () => { cy.visit('/'); });",
            },
        ),
    ],
)
def test_graders_pass_over_what_systems_leave_behind(
    tmp_path: Path, image: str, scripts: list[str], files: dict[str, str]
) -> None:
    for script in scripts:
        code, output = grade(tmp_path / script, image, script, LEFTOVERS | files)

        assert code == 0, output


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("MAIN.GCODE", b"G28\nG1 X10 Y10 F1200\n"),
        ("main.Nc", b"G28\nG1 X10 Y10 F1200\n"),
        ("main.gcode", b"\xef\xbb\xbfG28\r\nG1 X10 Y10 F1200\r\n"),
        ("main.gcode", b"%\nG28\nG1 X10 Y10 F1200\n%\n"),
        ("main.gcode", b"N 10 G 28\nN 20 G 1 X 10 Y 10 F 1200\n"),
    ],
)
def test_programs_are_read_as_machines_read_them(tmp_path: Path, name: str, program: bytes) -> None:
    for script in ("parse.py", "simulate.py"):
        code, output = grade(tmp_path / script, "gcode", script, {name: program})

        assert code == 0, output
    assert "travels 14 mm" in output


@pytest.mark.parametrize("program", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_program_is_refused(tmp_path: Path, program: bytes) -> None:
    code, output = grade(tmp_path, "gcode", "parse.py", {"main.gcode": program})

    assert code == 1
    assert "main.gcode is empty" in output
