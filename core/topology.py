"""What RabbitMQ must have for our tasks and reports to flow, and the loop that sees to it.

Nodes declare nothing (contract, section 2). Each stage has one durable queue by its name, bound to
the stage's exchange and key; the report queue takes every report. On a direct exchange a second
queue on the same key would get a copy of every task, so each key leads to one queue only.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, or_, select, update

from core import wire
from core.broker.declaring import Binding, Finding, Queue, State, compare, ensure
from core.context import Context
from core.db import notify
from core.errors import Unavailable
from core.models import DefinitionStage, DefinitionVersion, OutboxMessage, TaskAttempt, TaskDefinition
from core.services.attempts import OUTBOX_TOPIC
from core.services.definitions import DEFINITIONS_TOPIC
from core.wake import Waker

LOOK_SECONDS = 60.0
"""How often a topology is looked at that nobody says has changed: a broker may lose what it had."""

_RETRY_SECONDS = 2.0

_REPORTS = Queue(
    wire.REPORT_QUEUE,
    tuple(Binding(wire.EXCHANGE, key) for key in wire.REPORT_KEYS),
    arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": wire.REPORT_DEAD_LETTERS},
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Topology:
    """What is expected of the broker."""

    exchanges: tuple[str, ...]
    queues: tuple[Queue, ...]


def expected(ctx: Context) -> Topology:
    """What the stages of all definitions and the reports need.

    Raises:
        DatabaseUnavailable: the definitions cannot be read.

    """
    stages = _stage_queues(ctx)
    exchanges = {wire.EXCHANGE} | {binding.exchange for queue in stages for binding in queue.bindings}
    return Topology(tuple(sorted(exchanges)), (Queue(wire.REPORT_DEAD_LETTERS), _REPORTS, *stages))


def declared(ctx: Context) -> Topology:
    """What we make if it is missing: all of it, or with `ULOS_AMQP_DECLARE=off` the report queue only."""
    return expected(ctx) if ctx.settings.amqp_declare else Topology((), (_REPORTS,))


def _stage_queues(ctx: Context) -> list[Queue]:
    """The queue of each (exchange, key); where definitions disagree, the stage defined last wins."""
    under_way = select(TaskAttempt.version_id).where(
        TaskAttempt.closed_at.is_(None), TaskAttempt.ended_at.is_(None)
    )
    needed = or_(
        TaskDefinition.current_version == DefinitionVersion.number, DefinitionVersion.id.in_(under_way)
    )
    with ctx.db.transaction() as session:
        rows = session.execute(
            select(DefinitionStage, needed.label("needed"))
            .join(DefinitionVersion, DefinitionVersion.id == DefinitionStage.version_id)
            .join(TaskDefinition, TaskDefinition.id == DefinitionVersion.definition_id)
            .order_by(DefinitionStage.id)
        ).all()
    names: dict[Binding, str] = {}
    seen: dict[str, set[Binding]] = {}
    for stage, is_needed in rows:
        binding = Binding(stage.exchange, stage.routing_key)
        seen.setdefault(stage.queue, set()).add(binding)
        if is_needed:
            names[binding] = stage.queue
    return list(_assign(names, seen))


def _assign(names: dict[Binding, str], seen: dict[str, set[Binding]]) -> Iterator[Queue]:
    for name in sorted(seen):
        bound = [binding for binding in seen[name] if names.get(binding) == name]
        former = [binding for binding in seen[name] if names.get(binding, name) != name]
        if bound or former:
            yield Queue(name, _in_order(bound), _in_order(former))


def _in_order(bindings: list[Binding]) -> tuple[Binding, ...]:
    return tuple(sorted(bindings, key=lambda binding: (binding.exchange, binding.routing_key)))


def run_topology(ctx: Context, waker: Waker) -> None:
    """Make what is missing, at once, whenever a definition changes, and now and then, until `waker` stops."""
    last: Topology | None = None
    while not waker.stopping:
        pause = LOOK_SECONDS
        try:
            wanted = declared(ctx)
            if ensure_topology(ctx, wanted) or wanted != last:
                release_waiting(ctx)
            last = wanted
        except Unavailable as error:
            logger.warning("topology waits: %s", error)
            pause = random.uniform(_RETRY_SECONDS / 2, _RETRY_SECONDS)  # noqa: S311  no secret
        waker.wait(DEFINITIONS_TOPIC, pause)


def ensure_topology(ctx: Context, wanted: Topology) -> bool:
    """Make what is missing of `wanted`; whether anything was.

    Raises:
        BrokerUnavailable: the broker does not answer.

    """
    findings = ensure(ctx.settings, wanted.exchanges, wanted.queues)
    for finding in findings:
        if finding.state not in {State.THERE, State.CREATED}:
            logger.warning("%s: %s (%s)", finding.what, finding.state, finding.detail)
    created = [finding.what for finding in findings if finding.state is State.CREATED]
    if created:
        logger.info("created in RabbitMQ: %s", ", ".join(created))
    return bool(created)


def release_waiting(ctx: Context) -> None:
    """Let messages that no queue took be tried again at once."""
    with ctx.db.transaction() as session:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.published_at.is_(None), OutboxMessage.next_try_at.is_not(None))
            .values(next_try_at=None)
        )
        notify(session, OUTBOX_TOPIC)


def describe(ctx: Context) -> tuple[list[str], bool]:
    """Lines for an operator: what is expected and what differs; and whether all is as expected.

    Raises:
        BrokerUnavailable, DatabaseUnavailable: it cannot be found out.

    """
    wanted = expected(ctx)
    findings = compare(ctx.settings, wanted.exchanges, wanted.queues)
    lines = [_line(finding) for finding in findings]
    for queue in wanted.queues:
        lines += [f"  expected   binding {b.exchange}/{b.routing_key} → {queue.name}" for b in queue.bindings]
        lines += [f"  unwanted   binding {b.exchange}/{b.routing_key} → {queue.name}" for b in queue.former]
    waiting = list(_waiting(ctx))
    lines.append("Bindings cannot be asked for over AMQP; what the relay met with:")
    lines += waiting or ["  nothing waits for a queue"]
    return lines, not waiting and all(finding.state is State.THERE for finding in findings)


def _line(finding: Finding) -> str:
    detail = f"  ({finding.detail})" if finding.detail else ""
    return f"  {finding.state:<10} {finding.what}{detail}"


def _waiting(ctx: Context) -> Iterator[str]:
    with ctx.db.transaction() as session:
        rows = session.execute(
            select(OutboxMessage.last_error, func.count())
            .where(OutboxMessage.published_at.is_(None), OutboxMessage.last_error.is_not(None))
            .group_by(OutboxMessage.last_error)
            .order_by(OutboxMessage.last_error)
        ).all()
    for problem, count in rows:
        yield f"  {count} waiting: {problem}"


def start_thread(ctx: Context, waker: Waker) -> threading.Thread:
    """`run_topology` in a thread of its own."""
    thread = threading.Thread(target=run_topology, args=(ctx, waker), name="topology")
    thread.start()
    return thread
