"""Models and migrations agree."""

from __future__ import annotations

from alembic import command

from core.context import Context
from core.migrate import _config


def test_the_migrations_make_what_the_models_say(ctx: Context) -> None:
    command.check(_config(ctx.db))
