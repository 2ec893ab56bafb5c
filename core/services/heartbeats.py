"""Heartbeats of the worker's loops: each loop writes its own row, and other processes judge them.

A worker that is frozen keeps its connections, so connections alone do not tell that it works.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import insert

from core.context import Context
from core.db import Database
from core.errors import Unavailable, WorkerMissing, WorkerSilent
from core.models import Heartbeat

WORKER_NAME = "ulos-worker"
"""What the connections begin with over which workers listen, as `pg_stat_activity` shows them."""

EVERY_SECONDS = 5.0
"""Shortest time between two rows of a loop that turns faster."""

TURN_SECONDS = 60.0
"""How long one turn of a loop may take."""

LONG_TURNS: Mapping[str, float] = MappingProxyType(
    {
        "copies": 900.0,
        "mails": 300.0,
        "operations": 300.0,
        "sweep": 1800.0,
        "topology": 300.0,
        "webhooks": 300.0,
    }
)
"""Loops whose turns take longer: one large file on a slow line, receivers that do not answer."""

KEPT = timedelta(days=1)

logger = logging.getLogger(__name__)


def name_process() -> str:
    """Return a name for this process that no other has; short enough for `pg_stat_activity`."""
    return f"{socket.gethostname()[:24]}-{os.getpid()}-{secrets.token_hex(3)}"


class Heartbeats:
    """Writes the rows of one process. Each loop calls `beat` from its own thread."""

    def __init__(self, db: Database, process: str) -> None:
        self._db = db
        self._process = process
        self._written: dict[str, float] = {}

    def beat(self, pause_seconds: float) -> None:
        """Record that the calling loop works and comes again after `pause_seconds` and one turn."""
        loop = threading.current_thread().name
        if time.monotonic() - self._written.get(loop, float("-inf")) < EVERY_SECONDS:
            return
        within = pause_seconds + EVERY_SECONDS + LONG_TURNS.get(loop, TURN_SECONDS)
        new = insert(Heartbeat).values(process=self._process, loop=loop, at=func.now(), within_seconds=within)
        try:
            with self._db.transaction() as session:
                session.execute(
                    new.on_conflict_do_update(
                        index_elements=[Heartbeat.process, Heartbeat.loop],
                        set_={"at": new.excluded.at, "within_seconds": new.excluded.within_seconds},
                    )
                )
        except Unavailable:
            return  # the loop meets the same and logs it
        self._written[loop] = time.monotonic()

    def remove(self) -> None:
        """Delete the rows of a process that ends in order."""
        try:
            with self._db.transaction() as session:
                session.execute(delete(Heartbeat).where(Heartbeat.process == self._process))
        except Unavailable as error:
            logger.warning("heartbeats are left to the sweep: %s", error)


_JUDGED = """
SELECT DISTINCT coalesce(h.loop, 'start') AS loop,
    CASE WHEN h.loop IS NULL THEN a.backend_start + make_interval(secs => :turn) < now()
    ELSE h.at + make_interval(secs => h.within_seconds) < now() END AS silent
FROM pg_stat_activity a
LEFT JOIN heartbeat h ON a.application_name = :name || ' ' || h.process
WHERE a.datname = current_database() AND starts_with(a.application_name, :name)
"""
"""By the clock of Postgres alone, so that machines need not agree on the time."""


def check_worker(ctx: Context) -> None:
    """Look for a worker, on this machine or another, and judge the heartbeats of its loops.

    Raises:
        WorkerMissing: no worker is connected.
        WorkerSilent: one is connected and loops of it do not work, as when it is frozen.
        DatabaseUnavailable: Postgres cannot be asked.

    """
    with ctx.db.transaction() as session:
        rows = session.execute(text(_JUDGED), {"name": WORKER_NAME, "turn": TURN_SECONDS}).all()
    if not rows:
        raise WorkerMissing
    silent = sorted({row.loop for row in rows if row.silent})
    if silent:
        raise WorkerSilent(loops=tuple(silent))
