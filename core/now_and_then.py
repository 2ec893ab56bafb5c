"""Checks that are too dear for every look: tried now and then, their last answer repeated in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core.errors import Unavailable

EVERY_SECONDS = 60.0
AGAIN_SECONDS = 10.0
"""After an error: what is well again is known soon."""


class NowAndThen:
    """Call it as often as you like: `check` runs once in a while, for all threads of the process."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._next_at = 0.0
        self._error: Unavailable | None = None

    def __call__(self) -> None:
        """Check, or repeat the last answer.

        Raises:
            Unavailable: what `check` raised last.

        """
        with self._lock:
            is_due = time.monotonic() >= self._next_at
            if is_due:  # the others go by the last answer meanwhile
                self._next_at = time.monotonic() + EVERY_SECONDS
        if is_due:
            self._error = self._try()
        error = self._error
        if error is not None:
            raise type(error)(**error.values) from error

    def _try(self) -> Unavailable | None:
        try:
            self._check()
        except Unavailable as error:
            self._next_at = time.monotonic() + AGAIN_SECONDS
            return error
        return None
