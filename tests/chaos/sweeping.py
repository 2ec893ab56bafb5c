"""Lets the project sweep a world whose files are all old, and counts again what is left."""

from __future__ import annotations

import os
import time

from pydantic import SecretStr

from core.bootstrap import open_context
from core.config import Settings
from core.services.inventory import compare_files
from tests.chaos.checks import recount
from tests.chaos.recount import Evidence, check_orphans
from tests.chaos.world import World

_DAYS = 3 * 86_400


def sweep_and_recount(world: World, evidence: Evidence) -> list[str]:
    """Make every file old, run the sweep, and return what is wrong then.

    `evidence` is of all rounds of the world: the sweep must delete what no row names, and nothing else.
    """
    before = time.time() - _DAYS
    for path in world.files.rglob("*"):
        if path.is_file():
            os.utime(path, (before, before))
    settings = Settings(
        database_url=SecretStr(world.dsn.replace("postgresql://", "postgresql+psycopg2://")),
        ftp_url=SecretStr(world.ftp_url),
        data_dir=world.installation.folder,
        _env_file=None,
    )
    ctx = open_context(settings)
    try:
        compare_files(ctx)
    finally:
        ctx.db.dispose()
    return [f"after the sweep: {problem}" for problem in [*recount(evidence), *check_orphans(evidence)]]
