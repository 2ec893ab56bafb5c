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
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, true, tuple_, update
from sqlalchemy.orm import aliased

from core import wire
from core.broker.declaring import Binding, Finding, Queue, State, compare, ensure, unbound_label
from core.broker.moving import move_tasks
from core.context import PLATFORM, Context
from core.db import notify
from core.errors import Unavailable
from core.models import OutboxMessage, QueueBinding
from core.services import definitions, monitoring, topics
from core.services.attempts import OUTBOX_TOPIC
from core.services.definitions import DEFINITIONS_TOPIC
from core.wake import Waker

LOOK_SECONDS = 60.0
"""How often a topology is looked at that nobody says has changed: a broker may lose what it had."""

MOVED_FOR = timedelta(days=1)
"""How long a queue that lost a key is searched for its tasks: nodes that die put theirs back into it."""

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
    """The queues that serve a key, and those that are still to be unbound from one."""
    with ctx.db.transaction() as session:
        definitions.release_unneeded(session, ctx)
        rows = session.scalars(
            select(QueueBinding)
            .where(or_(QueueBinding.left_at.is_(None), QueueBinding.unbound_at.is_(None)))
            .order_by(QueueBinding.queue, QueueBinding.exchange, QueueBinding.routing_key)
        ).all()
    queues: dict[str, Queue] = {}
    for row in rows:
        queue = queues.setdefault(row.queue, Queue(row.queue))
        binding = Binding(row.exchange, row.routing_key)
        queues[row.queue] = (
            replace(queue, bindings=(*queue.bindings, binding))
            if row.left_at is None
            else replace(queue, former=(*queue.former, binding))
        )
    return list(queues.values())


def run_topology(ctx: Context, waker: Waker) -> None:
    """Make what is missing, at once, whenever a definition changes, and now and then, until `waker` stops."""
    last: Topology | None = None
    while not waker.stopping:
        pause = LOOK_SECONDS
        try:
            wanted = declared(ctx)
            if ensure_topology(ctx, wanted) or wanted != last:
                release_waiting(ctx)
            if ctx.settings.amqp_declare:
                move_left_behind(ctx, ctx.now() - MOVED_FOR)
            last = wanted
        except Unavailable as error:
            logger.warning("topology waits: %s", error)
            pause = random.uniform(_RETRY_SECONDS / 2, _RETRY_SECONDS)  # noqa: S311  no secret
        waker.wait(DEFINITIONS_TOPIC, pause)


def ensure_topology(ctx: Context, wanted: Topology) -> bool:
    """Make what is missing of `wanted` and unbind what is not wanted; whether anything was missing.

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
    _record_unbound(ctx, wanted, {finding.what for finding in findings if finding.state is State.THERE})
    return bool(created)


def _record_unbound(ctx: Context, wanted: Topology, found: set[str]) -> None:
    gone = [
        (old.exchange, old.routing_key, queue.name)
        for queue in wanted.queues
        for old in queue.former
        if unbound_label(queue.name, old) in found
    ]
    if not gone:
        return
    logger.info("unbound in RabbitMQ: %s", ", ".join(f"{x}/{key} from {queue}" for x, key, queue in gone))
    row = (QueueBinding.exchange, QueueBinding.routing_key, QueueBinding.queue)
    with ctx.db.transaction() as session:
        session.execute(
            update(QueueBinding)
            .where(tuple_(*row).in_(gone), QueueBinding.left_at.is_not(None))
            .values(unbound_at=ctx.now())
        )
        notify(session, topics.MONITORING)


def move_left_behind(ctx: Context, since: datetime | None = None) -> int:
    """Move tasks from queues that lost their key to the queue that serves it now; how many were moved.

    `since`: only from queues that lost it later.

    Raises:
        BrokerUnavailable, DatabaseUnavailable: the rest is moved at the next turn.

    """
    serving = aliased(QueueBinding)
    with ctx.db.transaction() as session:
        rows = session.execute(
            select(QueueBinding, serving.queue)
            .join(
                serving,
                (serving.exchange == QueueBinding.exchange)
                & (serving.routing_key == QueueBinding.routing_key)
                & serving.left_at.is_(None),
            )
            .where(
                QueueBinding.unbound_at.is_not(None),
                QueueBinding.left_at > since if since is not None else true(),
            )
        ).all()
    total = 0
    for row, target in rows:
        binding = Binding(row.exchange, row.routing_key)
        moved = move_tasks(ctx.settings, binding, row.queue, target)
        if moved:
            logger.info("%d tasks of %s moved from %s to %s", moved, row.routing_key, row.queue, target)
        total += moved
    return total


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
    stray = []
    for queue in wanted.queues:
        lines += [f"  expected   binding {b.exchange}/{b.routing_key} → {queue.name}" for b in queue.bindings]
        stray += [f"  unwanted   binding {b.exchange}/{b.routing_key} → {queue.name}" for b in queue.former]
    unserved = [
        f"  unserved   queue {state.name}  ({state.messages} messages, no consumer)"
        for state in monitoring.read_consumers(ctx, PLATFORM)
        if state.is_stalled
    ]
    waiting = list(_waiting(ctx))
    lines += [*stray, *unserved]
    if stray:
        lines.append("Unwanted bindings copy tasks; `python -m core topology clean` removes them.")
    lines.append("Bindings cannot be asked for over AMQP; what the relay met with:")
    lines += waiting or ["  nothing waits for a queue"]
    is_well = all(finding.state is State.THERE for finding in findings)
    return lines, is_well and not (stray or unserved or waiting)


def clean(ctx: Context) -> None:
    """Set up the broker now, remove unwanted bindings and move tasks that they left behind.

    An operator asks for it, so it is done with `ULOS_AMQP_DECLARE=off`, too.

    Raises:
        BrokerUnavailable, DatabaseUnavailable: the rest is left as it is.

    """
    ensure_topology(ctx, expected(ctx))
    move_left_behind(ctx)


def move(ctx: Context, exchange: str, routing_key: str, queue: str) -> None:
    """Give a routing key another queue, for all definitions, and move its tasks there.

    Raises:
        NotFound, Invalid: the key, or the name of the queue.
        BrokerUnavailable: the worker does the rest, or `clean` with `ULOS_AMQP_DECLARE=off`.

    """
    definitions.move_key(ctx, PLATFORM, exchange, routing_key, queue)
    clean(ctx)


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
