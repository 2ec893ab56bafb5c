"""How many SQL statements something takes."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import event

from core.context import Context


def counted(ctx: Context, act: Callable[[], object]) -> int:
    """The statements that `act` sends to Postgres."""
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(ctx.db._engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(ctx.db._engine, "before_cursor_execute", note)
    return count
