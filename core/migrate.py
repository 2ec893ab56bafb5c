"""The schema: bringing the database to Alembic's head, and asking whether it is there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.db import Database
from core.errors import DatabaseUnavailable

_INI = Path(__file__).resolve().parent.parent / "alembic.ini"


def upgrade(db: Database) -> None:
    """Apply the migrations that are missing. Safe to run from several processes at once."""
    with db.exclusively("migrations", wait=True):
        command.upgrade(_config(db), "head")


def is_current(db: Database) -> bool:
    """Whether the database answers and stands at the head."""
    head = ScriptDirectory.from_config(_config(db)).get_current_head()
    try:
        with db.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() == head
    except DatabaseUnavailable:
        return False


def _config(db: Database) -> Config:
    config = Config(str(_INI))
    config.attributes["database"] = db
    return config
