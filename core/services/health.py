"""State of the components that we depend on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core.auth import Right, require
from core.broker import check_broker, count_consumers
from core.context import Actor, Context
from core.errors import NodesMissing, SchemaOutdated, Unavailable
from core.migrate import is_current
from core.models import ComponentError
from core.services.heartbeats import check_worker

OK = "ok"

_WORKER, _NODES = "worker", "nodes"


@dataclass(frozen=True, slots=True)
class LastError:
    """What was last wrong with a component. `texts`: language → sentence."""

    component: str
    texts: Mapping[str, str]
    at: datetime


def check_components(ctx: Context, language: str = "en") -> dict[str, str]:
    """Component → `ok` or what is wrong with it, in `language`."""
    found = {name: error_of(check) for name, check in _systems(ctx)}
    if found["database"] is None:
        found["schema"] = error_of(lambda: check_schema(ctx))
    blocker = found["database"] or found["schema"]  # the checks below read tables
    found[_WORKER] = blocker or error_of(lambda: check_worker(ctx))
    if not ctx.settings.uses_rabbitmq:
        found[_NODES] = blocker or error_of(lambda: check_nodes(ctx))
    return {name: OK if error is None else error.sentence(language) for name, error in found.items()}


def find_errors(ctx: Context) -> list[LastError]:
    """What is wrong now with Postgres, the file server and the broker; nothing with those that are well."""
    found = ((name, error_of(check), ctx.now()) for name, check in _systems(ctx))
    return [
        LastError(name, {language: error.sentence(language) for language in error.texts}, at)
        for name, error, at in found
        if error is not None
    ]


def keep_errors(ctx: Context, errors: Collection[LastError]) -> None:
    """Record `errors`, each unless a later one of its component is known.

    Raises:
        DatabaseUnavailable: nothing was recorded.

    """
    if not errors:
        return
    new = insert(ComponentError)
    with ctx.db.transaction() as session:
        session.execute(
            new.on_conflict_do_update(
                index_elements=[ComponentError.component],
                set_={"texts": new.excluded.texts, "at": new.excluded.at},
                where=ComponentError.at < new.excluded.at,
            ),
            [{"component": error.component, "texts": dict(error.texts), "at": error.at} for error in errors],
        )


def read_last_errors(ctx: Context, actor: Actor) -> dict[str, LastError]:
    """Component → its latest error, over or not; those that never had one are absent.

    Raises:
        NotSignedIn, NotAllowed: for those who teach.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MONITOR)
        rows = session.scalars(select(ComponentError))
        return {row.component: LastError(row.component, row.texts, row.at) for row in rows}


def check_schema(ctx: Context) -> None:
    """Compare the tables with those that this version needs.

    Raises:
        SchemaOutdated: they are others.
        DatabaseUnavailable: Postgres cannot be asked.

    """
    if not is_current(ctx.db):
        raise SchemaOutdated


def _systems(ctx: Context) -> list[tuple[str, Callable[[], None]]]:
    checks: list[tuple[str, Callable[[], None]]] = [
        ("database", ctx.db.check),
        ("files", ctx.storage.check),
    ]
    if ctx.settings.uses_rabbitmq:
        checks.append(("broker", lambda: check_broker(ctx.settings)))
    return checks


def error_of(check: Callable[[], object]) -> Unavailable | None:
    """What is wrong with a component, by asking it; None when it is well."""
    try:
        check()
    except Unavailable as error:
        return error
    return None


def is_ready(components: Mapping[str, str]) -> bool:
    """Whether people can work, by what `check_components` found.

    They can without worker and nodes: what they hand in is accepted and kept, and a process that is
    started again is back within seconds. Whoever routes by readiness must not shut people out for that.
    """
    return all(state == OK for name, state in components.items() if name not in {_WORKER, _NODES})


def check_nodes(ctx: Context) -> None:
    """Look for a process that takes submissions from the embedded queue, on this machine or another.

    With RabbitMQ nothing is checked: see `monitoring.read_consumers`, which asks about each queue.

    Raises:
        NodesMissing: there is none.
        DatabaseUnavailable: Postgres cannot be asked.

    """
    if not ctx.settings.uses_rabbitmq and not count_consumers(ctx.db):
        raise NodesMissing
