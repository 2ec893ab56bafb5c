"""State of the components that we depend on."""

from __future__ import annotations

from collections.abc import Mapping

from core.broker import check_broker
from core.context import Context
from core.errors import Unavailable, WorkerMissing
from core.migrate import is_current

WORKER_NAME = "ulos-worker"
"""The connection over which a worker hears notifications is known to Postgres by it."""

OK = "ok"

_WORKER = "worker"


def check_components(ctx: Context) -> dict[str, str]:
    """Component → `ok` or what is wrong with it, in English for operators."""
    states: dict[str, str] = {}
    checks = [("database", ctx.db.check), ("files", ctx.storage.check)]
    if ctx.settings.uses_rabbitmq:
        checks.append(("broker", lambda: check_broker(ctx.settings)))
    checks.append((_WORKER, lambda: check_worker(ctx)))
    for name, check in checks:
        try:
            check()
            states[name] = OK
        except Unavailable as error:
            states[name] = str(error)
    if states["database"] == OK:
        states["schema"] = OK if is_current(ctx.db) else "waits for its migrations"
    return states


def is_ready(components: Mapping[str, str]) -> bool:
    """Whether people can work, by what `check_components` found.

    They can without the worker: what they hand in is accepted and kept, and a worker that is started
    again is back within seconds. Whoever routes by readiness must not shut people out for that.
    """
    return all(state == OK for name, state in components.items() if name != _WORKER)


def check_worker(ctx: Context) -> None:
    """Look for a process of the loops, on this machine or another.

    Raises:
        WorkerMissing: there is none.
        DatabaseUnavailable: Postgres cannot be asked.

    """
    if not ctx.db.count_listening(WORKER_NAME):
        raise WorkerMissing
