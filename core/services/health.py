"""State of the components that we depend on."""

from __future__ import annotations

from core.broker import check_broker
from core.context import Context
from core.errors import Unavailable
from core.migrate import is_current


def check_components(ctx: Context) -> dict[str, str]:
    """Component → `ok` or what is wrong with it, in English for operators."""
    states: dict[str, str] = {}
    checks = [("database", ctx.db.check), ("files", ctx.storage.check)]
    if ctx.settings.uses_rabbitmq:
        checks.append(("broker", lambda: check_broker(ctx.settings)))
    for name, check in checks:
        try:
            check()
            states[name] = "ok"
        except Unavailable as error:
            states[name] = str(error)
    if states["database"] == "ok":
        states["schema"] = "ok" if is_current(ctx.db) else "waits for its migrations"
    return states
