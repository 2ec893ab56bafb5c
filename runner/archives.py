"""Archives of strangers are read and written by a process of its own, inside the sandbox.

The runner itself only passes files on: what a submission or an image contains is never interpreted
by a process that could reach anything else.
"""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
import zipfile
from importlib import resources
from pathlib import Path
from typing import IO

from runner.namespace import end_group
from runner.sandbox import Bound, Sandbox

SECONDS = 300.0
"""Longest that one archive may take; the largest take some seconds."""

FILE_BYTES = 4_000_000_000
"""Largest file that is written; what the archives hold together has limits of its own."""

REFUSED, FAILED = 3, 4
"""Exit codes of the program inside: the archive is not acceptable; our machine is to blame."""

_PACKAGES = ("core", "core.archive", "core.errors", "runner")
_ONLY = {"runner": {"__init__.py", "inside.py"}}
_TOO_SLOW = {
    "en": "reading it took longer than five minutes",
    "es": "leerlo tomó más de cinco minutos",
}
_REPORT_BYTES = 10_000


class ArchiveRefused(Exception):
    """The archive cannot be unpacked. `texts`: language → why."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        super().__init__(texts["en"])


class MachineFailed(Exception):
    """An archive could not be read or written because of this machine: full disk, no memory, too slow."""


def bundle() -> bytes:
    """Return the program that works on archives, with all that it imports, as one zip for Python.

    The modules use the standard library only, so any Python from 3.11 on can run them.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("__main__.py", "from runner.inside import main\n\nmain()\n")
        for package in _PACKAGES:
            for item in resources.files(package).iterdir():
                if item.name.endswith(".py") and item.name in _ONLY.get(package, {item.name}):
                    packed.writestr(f"{package.replace('.', '/')}/{item.name}", item.read_bytes())
    return target.getvalue()


BUNDLE = bundle()
"""Made when this module is imported: later the source files may be out of reach."""


def unpack(sandbox: Sandbox, kind: str, packed: IO[bytes], folder: Path) -> None:
    """Unpack `packed`, a `submission` (zip) or an `image` (tar), into the empty `folder`.

    Raises:
        ArchiveRefused, MachineFailed: see there.

    """
    packed.seek(0)
    with tempfile.TemporaryFile() as unused:
        _run(sandbox, f"unpack-{kind}", folder, stdin=packed, stdout=unused)


def pack(sandbox: Sandbox, folder: Path, extra: tuple[str, str], target: IO[bytes]) -> bool:
    """Pack `folder` into `target`, with a file `extra` (its name and text) at the top.

    False when the folder holds too much: then only `extra` was packed.

    Raises:
        ArchiveRefused, MachineFailed: see there.

    """
    name, text = extra
    with tempfile.TemporaryFile() as source:
        source.write(json.dumps([name, text]).encode())
        source.seek(0)
        report = _run(sandbox, "pack", folder, stdin=source, stdout=target)
    return report.get("complete") is True


def _run(
    sandbox: Sandbox, task: str, folder: Path, *, stdin: IO[bytes], stdout: IO[bytes]
) -> dict[str, object]:
    with tempfile.NamedTemporaryFile(suffix=".pyz") as program, tempfile.TemporaryFile() as report:
        program.write(BUNDLE)
        program.flush()
        inside = sandbox.bwrap is not None
        bound = [Bound(Path(program.name), "/program.pyz"), Bound(folder, "/folder", writable=True)]
        process, first = sandbox.start(
            [
                sandbox.python or "python3", "-I", "-S", "-B",
                "/program.pyz" if inside else program.name, task, "/folder" if inside else str(folder),
            ],
            bound=bound, folder=folder, seconds=SECONDS,
            stdin=stdin.fileno(), stdout=stdout.fileno(), stderr=report.fileno(),
            file_bytes=FILE_BYTES,
        )  # fmt: skip
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ArchiveRefused(_TOO_SLOW) from error
        finally:
            first.end() if first else end_group(process)
        report.seek(0)
        return _judge(task, code, report.read(_REPORT_BYTES))


def _judge(task: str, code: int, report: bytes) -> dict[str, object]:
    try:
        said = json.loads(report or b"{}")
    except ValueError:
        said = None
    if code == 0 and isinstance(said, dict):
        return said
    if code == REFUSED and isinstance(said, dict):
        texts = {language: str(said.get(language, "?"))[:500] for language in ("en", "es")}
        raise ArchiveRefused(texts)
    raise MachineFailed(f"{task} ended with code {code}: {report.decode(errors='replace')[-500:]}")
