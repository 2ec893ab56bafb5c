"""A lane of its own for requests that hash passwords.

A rush of sign-ins leaves the threads of all other routes alone. Hashing itself runs at a lower
priority (`core.services.accounts.hashing`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

P = ParamSpec("P")
T = TypeVar("T")

_LANE = CapacityLimiter(2 * (os.cpu_count() or 1))
"""Twice the processors: while one half hashes the other reads and writes its rows."""


async def in_lane(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function` in a thread of the lane; whoever finds it full waits without a thread."""
    return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=_LANE)
