"""Everything that the top of the monitor's screen says, with the answer that it adds up to."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import Unavailable
from core.services import definitions
from core.services.health import check_worker, error_of
from core.services.monitoring.consumers import QueueState, read_consumers, read_report_queue
from core.services.monitoring.counting import counted, whole_sum
from core.services.monitoring.diagnosis import Answer, Figures, diagnose
from core.services.monitoring.failures import Failures
from core.services.monitoring.queue import Queue
from core.services.monitoring.scope import Scope
from core.services.monitoring.sources import Kind


@dataclass(frozen=True, slots=True)
class Components:
    """What we depend on. `errors`: `files`, `broker` or `worker` → what is wrong; well ones are absent."""

    errors: dict[str, Unavailable]
    queues: tuple[QueueState, ...]
    reports: QueueState | None
    """Where nodes report through RabbitMQ: how far behind applying is."""
    stray_bindings: tuple[str, ...] = ()
    """Bindings that copy tasks to a queue that does not serve their key, as far as is known."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Tasks that ended within the window: all, those that failed, and those that a node crashed on."""

    ended: int
    failed: int
    crashed: int


def read_components(ctx: Context, actor: Actor) -> Components:
    """Ask the file server, the broker and the worker for a sign of life.

    Raises:
        NotSignedIn, NotAllowed: figures are for those who teach.
        DatabaseUnavailable: without Postgres nothing can be said.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MONITOR)
    found = {"files": error_of(ctx.storage.check), "worker": error_of(lambda: check_worker(ctx))}
    errors = {name: error for name, error in found.items() if error is not None}
    queues: tuple[QueueState, ...] = ()
    reports: QueueState | None = None
    try:
        queues = tuple(read_consumers(ctx, actor))
        reports = read_report_queue(ctx, actor)
    except Unavailable as error:
        errors["broker"] = error
    return Components(errors, queues, reports, _stray_bindings(ctx))


def _stray_bindings(ctx: Context) -> tuple[str, ...]:
    if not ctx.settings.uses_rabbitmq:
        return ()
    with ctx.db.transaction() as session:
        stray = definitions.list_stray(session)
    return tuple(f"{row.exchange}/{row.routing_key} → {row.queue}" for row in stray)


def count_verdicts(ctx: Context, actor: Actor, scope: Scope) -> Verdicts:
    """Tasks whose current attempt ended within the scope's window."""
    with ctx.db.transaction() as session:
        found = counted(session, actor, scope, Kind.ENDED)
        rows = session.execute(select(found.c.detail, whole_sum(found.c.count)).group_by(found.c.detail))
        counts = {str(detail): int(count) for detail, count in rows}
    crashed = counts.get("crashed", 0)
    return Verdicts(ended=sum(counts.values()), failed=counts.get("failed", 0) + crashed, crashed=crashed)


def answer_for(
    queue: Queue,
    components: Components,
    verdicts: Verdicts,
    failures: Failures,
    *,
    missing_files: int = 0,
    open_incidents: int = 0,
) -> Answer:
    """Where the trouble is, by these figures. Failures that somebody has handled are no trouble."""
    groups = [group for group in failures.groups if group.open]
    largest = max(groups, key=lambda group: group.open, default=None)
    still_open = sum(group.open for group in groups)
    return diagnose(
        Figures(
            waiting=queue.waiting,
            running=queue.running,
            oldest_waiting_seconds=queue.oldest_waiting_seconds,
            outbox=queue.outbox,
            components_down=len(components.errors),
            stalled_queues=sum(state.is_stalled for state in components.queues),
            ended=verdicts.ended,
            failed=min(verdicts.failed, still_open),
            crashed=min(verdicts.crashed, still_open),
            largest_cause=largest.open if largest else 0,
            largest_students=largest.students if largest else 0,
            missing_files=missing_files,
            open_incidents=open_incidents,
        )
    )
