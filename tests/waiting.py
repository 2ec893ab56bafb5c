"""Waits on conditions, with a limit that only a broken program meets."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

LIMIT_SECONDS = 60.0
EVERY_SECONDS = 0.05

T = TypeVar("T")


def eventually(ask: Callable[[], T | None], *excused: type[Exception]) -> T:
    """The first answer of `ask` that is true; errors of the `excused` kinds count as not yet."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            answer = ask()
        except excused:
            if time.monotonic() > deadline:
                raise
        else:
            if answer:
                return answer
            assert time.monotonic() < deadline, f"not within {LIMIT_SECONDS} s"
        time.sleep(EVERY_SECONDS)
