"""One-shot at start: wait for Postgres, migrate, and seed the demo where that is wanted."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from core import logs
from core.bootstrap import open_context
from core.config import Settings
from core.demo.seed import seed
from core.embedded.state import embedded_postgres
from core.errors import Unavailable
from core.migrate import upgrade

_EVERY_SECONDS = 0.2

logger = logging.getLogger(__name__)


def done_mark(settings: Settings) -> Path:
    """The file that says that this start's set-up is over; `up` removes it."""
    return settings.data_dir / "run" / "setup.done"


def run(settings: Settings) -> None:
    """Bring the installation to where people can sign in. Safe to run again at any time."""
    logs.configure(settings)
    logging.getLogger("alembic").setLevel(settings.log_level)
    if settings.embedded_database:
        server = embedded_postgres(settings)
        while not server.answers():
            time.sleep(_EVERY_SECONDS)
        server.create_database("ulos")
    ctx = open_context(settings)
    while True:
        try:
            ctx.db.check()
            ctx.storage.check()
            break
        except Unavailable as error:
            logger.info("waiting: %s", error)
            time.sleep(_EVERY_SECONDS)
    upgrade(ctx.db)
    if ctx.settings.seeds_demo:
        seed(ctx)
    done_mark(settings).parent.mkdir(parents=True, exist_ok=True)
    done_mark(settings).touch()
