"""Alembic's entry: which database, which tables."""

from __future__ import annotations

from alembic import context

from core.bootstrap import open_context
from core.db import Database
from core.models import Base

COLLATED = "ix_users_natural_email"
"""Its expression has a collation, which Postgres tells apart and the comparison does not know."""


def is_compared(_item: object, name: str | None, *_: object) -> bool:
    """Whether `alembic check` holds it against the models."""
    return name != COLLATED


def run() -> None:
    given = context.config.attributes.get("database")
    database = given if isinstance(given, Database) else open_context().db
    with database.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=True,
            include_object=is_compared,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
