"""Exchanges, queues and bindings in RabbitMQ: what is there, and making what is missing.

What exists is accepted as it is: an administrator may have given it other arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from core.broker.amqp import NOT_FOUND, PRECONDITION_FAILED, connected
from core.config import Settings


@dataclass(frozen=True, slots=True)
class Binding:
    """Messages to `exchange` with `routing_key` go to the queue that holds this binding."""

    exchange: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue. `former` are bindings that it had once and that are not wanted any more."""

    name: str
    bindings: tuple[Binding, ...] = ()
    former: tuple[Binding, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_retired(self) -> bool:
        """Whether it has nothing left but what it had once; it is not made for that."""
        return bool(self.former) and not self.bindings


class State(StrEnum):
    """What was found of one thing."""

    THERE = "there"
    CREATED = "created"
    MISSING = "missing"
    DIFFERENT = "different"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """One exchange, queue or binding, and what was found. `detail` is RabbitMQ's own sentence."""

    what: str
    state: State
    detail: str = ""


def ensure(settings: Settings, exchanges: Sequence[str], queues: Sequence[Queue]) -> list[Finding]:
    """Make what is missing, direct and durable; accept what is there.

    Raises:
        BrokerUnavailable: the broker does not answer.

    """
    with connected(settings, "topology") as connection:
        look = _Look(connection)
        findings = [
            look.make(f"exchange {name}", _passive_exchange(name), _exchange(name)) for name in exchanges
        ]
        bound: set[Binding] = set()
        for queue in queues:
            if not queue.is_retired:
                findings.append(look.make(f"queue {queue.name}", _passive_queue(queue), _queue(queue)))
            for binding in queue.bindings:
                findings.append(look.do(_label(queue, binding), _bind(queue, binding)))
                if findings[-1].state is State.THERE:
                    bound.add(binding)
        # Bind first: a task that goes to two queues is done twice, one that goes to none is lost.
        served = {binding for queue in queues for binding in queue.bindings}
        for queue in queues:
            former = [old for old in queue.former if old in bound or old not in served]
            findings += _unbind_all(look, queue, former)
        return findings


def _unbind_all(look: _Look, queue: Queue, former: Sequence[Binding]) -> list[Finding]:
    if not former:
        return []
    found = look.do(f"queue {queue.name}", _passive_queue(queue))
    if found.state is State.MISSING:  # its bindings went with it
        return [Finding(unbound_label(queue.name, old), State.THERE) for old in former]
    return [look.do(unbound_label(queue.name, old), _unbind(queue, old)) for old in former]


def compare(settings: Settings, exchanges: Sequence[str], queues: Sequence[Queue]) -> list[Finding]:
    """Say what is missing or different, and change nothing. Bindings cannot be asked for over AMQP.

    Raises:
        BrokerUnavailable: the broker does not answer.

    """
    with connected(settings, "topology") as connection:
        look = _Look(connection)
        findings = [
            look.compare(f"exchange {name}", _passive_exchange(name), _exchange(name)) for name in exchanges
        ]
        findings += [
            look.compare(f"queue {queue.name}", _passive_queue(queue), _queue(queue))
            for queue in queues
            if not queue.is_retired
        ]
        return findings


_Step = Callable[[BlockingChannel], object]


class _Look:
    """Asks one thing after the other. The broker's "no" closes a channel, so the next gets a new one."""

    def __init__(self, connection: pika.BlockingConnection) -> None:
        self._connection = connection
        self._channel: BlockingChannel | None = None

    def make(self, what: str, find: _Step, declare: _Step) -> Finding:
        found = self.do(what, find)
        if found.state is not State.MISSING:
            return found
        made = self.do(what, declare)
        return Finding(what, State.CREATED) if made.state is State.THERE else made

    def compare(self, what: str, find: _Step, declare: _Step) -> Finding:
        found = self.do(what, find)
        # Declaring what is there changes nothing; with other arguments the broker says which.
        return self.do(what, declare) if found.state is State.THERE else found

    def do(self, what: str, step: _Step) -> Finding:
        if self._channel is None or not self._channel.is_open:
            self._channel = self._connection.channel()
        try:
            step(self._channel)
        except pika.exceptions.ChannelClosedByBroker as error:
            states = {NOT_FOUND: State.MISSING, PRECONDITION_FAILED: State.DIFFERENT}
            return Finding(what, states.get(error.reply_code, State.REFUSED), error.reply_text)
        return Finding(what, State.THERE)


def unbound_label(queue: str, binding: Binding) -> str:
    """Return what a finding about the absence of a binding is called."""
    return f"no binding {binding.exchange}/{binding.routing_key} → {queue}"


def _label(queue: Queue, binding: Binding) -> str:
    return f"binding {binding.exchange}/{binding.routing_key} → {queue.name}"


def _passive_exchange(name: str) -> _Step:
    return lambda channel: channel.exchange_declare(name, passive=True)


def _exchange(name: str) -> _Step:
    return lambda channel: channel.exchange_declare(name, "direct", durable=True)


def _passive_queue(queue: Queue) -> _Step:
    return lambda channel: channel.queue_declare(queue.name, passive=True)


def _queue(queue: Queue) -> _Step:
    return lambda channel: channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))


def _bind(queue: Queue, binding: Binding) -> _Step:
    return lambda channel: channel.queue_bind(queue.name, binding.exchange, binding.routing_key)


def _unbind(queue: Queue, binding: Binding) -> _Step:
    return lambda channel: channel.queue_unbind(queue.name, binding.exchange, binding.routing_key)
