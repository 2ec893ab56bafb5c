"""Passes on what a stage prints while it prints it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from runner.callbacks import Stopped
from runner.output import Output, decode

EVERY_SECONDS = 0.5
MOST_LINES = 200
MOST_BYTES = 64_000
"""What is passed on of one stage; its output file has more."""


class Tail:
    """For the length of a `with` block, hand new whole lines of `output` to `say`.

    Raises at the end of the block:
        Stopped: `say` did.

    """

    def __init__(self, output: Output, say: Callable[[str], None]) -> None:
        self._output, self._say = output, say
        self._offset = self._lines = 0
        self._over = threading.Event()
        self._error: Stopped | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def _follow(self) -> None:
        try:
            while not self._over.wait(EVERY_SECONDS):
                self._pass_on(whole_lines=True)
            self._pass_on(whole_lines=False)
        except Stopped as stopped:
            self._error = stopped

    def _pass_on(self, *, whole_lines: bool) -> None:
        fresh = self._output.head(self._offset, MOST_BYTES)
        if whole_lines:
            fresh = fresh[: fresh.rfind(b"\n") + 1]
        self._offset += len(fresh)
        lines = decode(fresh).splitlines()[: MOST_LINES - self._lines]
        self._lines += len(lines)
        text = "\n".join(lines)
        if text.strip():
            self._say(text)
