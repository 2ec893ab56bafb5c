"""Finds errors that no part of the project has foreseen in what its processes have logged."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

_TRACE = "Traceback (most recent call last):"

ALLOWED: tuple[tuple[str, str, str], ...] = (
    ("ftp.log", "^(ConnectionResetError|BrokenPipeError)", "aioftp logs each client that was killed"),
    ("ftp.log", r"^OSError: \[Errno 28\]", "aioftp logs why it answered 451: the disk is full"),
)
"""Traces that do no harm: name of the log, pattern of the error, and why."""


class LogPositions:
    """Where each log ended, so that a round is judged by its own lines."""

    def __init__(self, logs: Collection[Path]) -> None:
        self._ends = {path.name: path.stat().st_size for path in logs}

    def unforeseen(self, logs: Collection[Path]) -> list[str]:
        """Return the traces that were written since, but for those that are allowed."""
        found = []
        for path in logs:
            content = path.read_bytes()
            start = self._ends.get(path.name, 0)
            text = content[start if start <= len(content) else 0 :].decode(errors="replace")
            allowed = [what for name, what, _ in ALLOWED if name == path.name]
            found += [
                f"{path.name}: {error[:300]}"
                for error in _errors(text.splitlines())
                if not any(re.search(what, error) for what in allowed)
            ]
        return found


def _errors(lines: list[str]) -> Iterator[str]:
    """Return what each trace ends with: its first line that is not indented."""
    for index, line in enumerate(lines):
        if _TRACE in line:
            yield next((rest for rest in lines[index + 1 :] if rest[:1].strip()), line)
