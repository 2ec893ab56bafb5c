"""Systems that are away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, text

from core.context import Context
from core.embedded.postgres import EmbeddedPostgres


@contextmanager
def shut(ctx: Context, postgres: EmbeddedPostgres) -> Iterator[None]:
    """Nobody gets into this test's database, and whoever is in is thrown out."""
    engine = create_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT")
    name = ctx.db.url.database
    with engine.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": name},
        )
        yield
        connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
    engine.dispose()
