"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import text

from core.context import Context

_LONGEST = 30.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once `condition` holds; a test whose condition never does fails."""
    end = time.monotonic() + _LONGEST
    while not condition():
        assert time.monotonic() < end, "the condition never came to hold"
        time.sleep(0.01)


def waits_for_a_lock(ctx: Context) -> bool:
    """Whether some transaction of this database waits for another one."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ctx.db.transaction() as session:
        return bool(session.scalar(query))
