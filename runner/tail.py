"""Passes on what a stage prints while it prints it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType

from runner.callbacks import Stopped

EVERY_SECONDS = 0.5
MOST_LINES = 200
MOST_BYTES = 64_000
"""What is passed on of one stage; its output file has all of it."""


class Tail:
    """For the length of a `with` block, hands new whole lines of the file `descriptor` to `say`.

    Raises at the end of the block:
        Stopped: `say` did.

    """

    def __init__(self, descriptor: int, say: Callable[[str], None]) -> None:
        self._descriptor, self._say = descriptor, say
        self._offset = self._lines = 0
        self._over = threading.Event()
        self._stopped: Stopped | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None and self._stopped is not None:
            raise self._stopped

    def _follow(self) -> None:
        try:
            while not self._over.wait(EVERY_SECONDS):
                self._pass_on(whole_lines=True)
            self._pass_on(whole_lines=False)
        except Stopped as stopped:
            self._stopped = stopped

    def _pass_on(self, *, whole_lines: bool) -> None:
        fresh = os.pread(self._descriptor, MOST_BYTES - self._offset, self._offset)
        if whole_lines:
            fresh = fresh[: fresh.rfind(b"\n") + 1]
        self._offset += len(fresh)
        lines = fresh.decode("utf-8", errors="replace").splitlines()[: MOST_LINES - self._lines]
        self._lines += len(lines)
        text = "\n".join(lines)
        if text.strip():
            self._say(text)
