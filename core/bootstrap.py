"""Settings → Context: the only file that knows which adapters are the real ones."""

from __future__ import annotations

from core.config import Settings
from core.context import Context
from core.db import Database, utc_now
from core.embedded.state import resolve
from core.storage import open_storage


def open_context(settings: Settings | None = None, *, pool_size: int = 5) -> Context:
    """The context of this process. Nothing is connected to yet.

    `settings`: read from the environment when None. `pool_size`: connections to Postgres.

    Raises:
        NeverStarted: the embedded default was asked for but has not been set up by `make up`.

    """
    settings = resolve(settings or Settings())
    return Context(
        settings=settings,
        db=Database(settings.database_url.get_secret_value(), pool_size=pool_size),
        storage=open_storage(settings),
        now=utc_now,
    )
