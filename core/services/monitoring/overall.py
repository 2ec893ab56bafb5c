"""Everything that the top of the monitor's screen says, with the answer that it adds up to."""

from __future__ import annotations

from dataclasses import dataclass

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import Unavailable
from core.services import definitions
from core.services.health import check_nodes, error_of
from core.services.heartbeats import check_worker
from core.services.monitoring.consumers import QueueState, read_consumers, read_report_queue
from core.services.monitoring.diagnosis import Answer, Figures, diagnose
from core.services.monitoring.evidence import Evidence
from core.services.monitoring.queue import Queue
from core.services.monitoring.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Components:
    """What we depend on. `errors`: component (`files`, `broker`, `worker`, `nodes`) → what is wrong."""

    errors: dict[str, Unavailable]
    queues: tuple[QueueState, ...]
    reports: QueueState | None
    """Where nodes report through RabbitMQ: how far behind applying is."""
    stray_bindings: tuple[str, ...] = ()
    """Bindings that copy tasks to a queue that does not serve their key, as far as is known."""


def read_components(ctx: Context, actor: Actor) -> Components:
    """Ask the file server, the broker and the worker for a sign of life.

    Raises:
        NotSignedIn, NotAllowed: figures are for those who teach.
        DatabaseUnavailable: without Postgres nothing can be said.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MONITOR)
    found = {
        "files": error_of(ctx.storage.check),
        "worker": error_of(lambda: check_worker(ctx)),
        "nodes": error_of(lambda: check_nodes(ctx)),
    }
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


def answer_for(
    queue: Queue,
    components: Components,
    verdicts: Verdicts,
    evidence: Evidence,
    *,
    missing_files: int = 0,
    open_incidents: int = 0,
) -> Answer:
    """Return where the trouble is, by these figures. Failures that were handled count no more."""
    return diagnose(
        Figures(
            waiting=queue.waiting,
            running=queue.running,
            oldest_waiting_seconds=queue.oldest_waiting_seconds,
            outbox=queue.outbox,
            components_down=len(components.errors.keys() - {"nodes"}),
            stalled_queues=sum(state.is_stalled for state in components.queues),
            ended=verdicts.ended,
            failed=min(verdicts.failed, evidence.failures),
            crashed=min(verdicts.crashed, evidence.failures),
            evidence=evidence,
            missing_files=missing_files,
            open_incidents=open_incidents,
        )
    )
