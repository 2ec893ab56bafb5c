"""Who waits for whom in Postgres."""

from __future__ import annotations

from sqlalchemy import text

from core.context import Context


def waits_for_a_lock(ctx: Context) -> bool:
    """Whether some transaction of this database waits for another one."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ctx.db.transaction() as session:
        return bool(session.scalar(query))
