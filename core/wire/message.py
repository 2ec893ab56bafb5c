"""The orchestrator's task message: pure encoding and decoding, no input or output.

The format is the orchestrator's (contract, section 2). It reads bytes as characters, so the JSON
is ASCII only; it decodes a message and writes it out again for the next stage one byte per
character, so the values that route a task keep to `PLAIN`. `routingTree` is its current format and
`taskDefinition` its older one; it ignores unknown fields, so one message serves both. What only our
own runner needs travels under `ulos`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.wire.names import DONE_KEY, EXCHANGE, FAILED_KEY, LEAVES, PLAIN


class Undecodable(ValueError):
    """The bytes are not a task message; the text says where it broke."""


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """Where a task goes, and where after that on success and on failure."""

    exchange: str
    routing_key: str
    on_success: RoutingDecision | None = None
    on_failure: RoutingDecision | None = None

    @property
    def is_leaf(self) -> bool:
        """Whether this is an end of the tree rather than a stage."""
        return self.routing_key in LEAVES

    @property
    def stages_left(self) -> int:
        """How many stages the success chain from here still has, this one included."""
        if self.is_leaf:
            return 0
        return 1 + (self.on_success.stages_left if self.on_success else 0)


@dataclass(frozen=True, slots=True)
class StageOrder:
    """What a node needs to know of one stage."""

    name: str
    image_path: str
    run_command: str
    timeout_seconds: int
    trusted: bool
    exchange: str = EXCHANGE
    routing_key: str = ""


@dataclass(frozen=True, slots=True)
class TaskMessage:
    """A task on its way to the stage at the root of `route`."""

    task_id: str
    owner_id: str
    attempt: int
    file_path: str
    timeout_seconds: int
    route: RoutingDecision
    definition_name: str
    stages: tuple[StageOrder, ...]

    @property
    def stage_index(self) -> int:
        """Position of the stage to run now, known by how much of the success chain is left."""
        return len(self.stages) - self.route.stages_left

    def towards(self, decision: RoutingDecision) -> TaskMessage:
        """The same task, sent on to `decision`."""
        return TaskMessage(
            task_id=self.task_id,
            owner_id=self.owner_id,
            attempt=self.attempt,
            file_path=self.file_path,
            timeout_seconds=self.timeout_seconds,
            route=decision,
            definition_name=self.definition_name,
            stages=self.stages,
        )


def plan_route(stages: Sequence[tuple[str, str]]) -> RoutingDecision:
    """The tree for `stages`, given as (exchange, routing key) in processing order.

    Every failure ends in `task.failed`, the last success in `task.done`.
    """
    decision = RoutingDecision(EXCHANGE, DONE_KEY)
    for exchange, routing_key in reversed(stages):
        decision = RoutingDecision(exchange, routing_key, decision, RoutingDecision(EXCHANGE, FAILED_KEY))
    return decision


def encode(message: TaskMessage) -> bytes:
    """The message as the orchestrator reads it: JSON in ASCII.

    Raises:
        ValueError: a routing value has characters that would not survive the journey, or the
            time-out is not positive (0 would end the task at once).

    """
    _check_plain(message)
    body = {
        "taskId": message.task_id,
        "taskOwnerId": message.owner_id,
        "filePath": message.file_path,
        "timeout": message.timeout_seconds,
        "routingTree": _tree_out(message.route),
        "taskDefinition": {
            "definitionName": message.definition_name,
            "stages": [[stage.name, stage.image_path, stage.run_command] for stage in message.stages],
        },
        "ulos": {
            "attempt": message.attempt,
            "stages": [
                {
                    "timeout": stage.timeout_seconds,
                    "trusted": stage.trusted,
                    "exchange": stage.exchange,
                    "routingKey": stage.routing_key,
                }
                for stage in message.stages
            ],
        },
    }
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def decode(body: bytes) -> TaskMessage:
    """Read a message that `encode` has written.

    Raises:
        Undecodable: the bytes are something else.

    """
    try:
        fields = json.loads(body)
        definition = fields["taskDefinition"]
        ours = fields["ulos"]
        stages = tuple(
            StageOrder(
                name=str(name),
                image_path=str(image_path),
                run_command=str(command),
                timeout_seconds=int(extra["timeout"]),
                trusted=extra["trusted"] is True,
                exchange=str(extra["exchange"]),
                routing_key=str(extra["routingKey"]),
            )
            for (name, image_path, command), extra in zip(definition["stages"], ours["stages"], strict=True)
        )
        route = _tree_in(fields["routingTree"])
        message = TaskMessage(
            task_id=str(fields["taskId"]),
            owner_id=str(fields["taskOwnerId"]),
            attempt=int(ours["attempt"]),
            file_path=str(fields["filePath"]),
            timeout_seconds=int(fields["timeout"]),
            route=route,
            definition_name=str(definition["definitionName"]),
            stages=stages,
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Undecodable(f"not a task message: {error!r}") from error
    if not 0 <= message.stage_index < len(stages):
        raise Undecodable("the routing tree has another number of stages than the definition")
    return message


def read_destination(body: bytes) -> tuple[str, str] | None:
    """Return the exchange and the routing key that a task is on its way to, also as a node writes it out."""
    try:
        tree = json.loads(body)["routingTree"]
        return str(tree["exchange"]), str(tree["routingKey"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _check_plain(message: TaskMessage) -> None:
    values = [message.task_id, message.owner_id, message.file_path]
    decision: RoutingDecision | None = message.route
    while decision is not None:
        values += [decision.exchange, decision.routing_key]
        decision = decision.on_success
    for value in values:
        if not PLAIN.fullmatch(value):
            raise ValueError(f"{value!r} cannot travel through the orchestrator")
    if message.timeout_seconds < 1:
        raise ValueError("a time-out must be positive")


def _tree_out(decision: RoutingDecision) -> dict[str, object]:
    tree: dict[str, object] = {"exchange": decision.exchange, "routingKey": decision.routing_key}
    if decision.on_success is not None:
        tree["successRoutingDecision"] = _tree_out(decision.on_success)
    if decision.on_failure is not None:
        tree["failureRoutingDecision"] = _tree_out(decision.on_failure)
    return tree


def _tree_in(tree: Mapping[str, object]) -> RoutingDecision:
    success, failure = tree.get("successRoutingDecision"), tree.get("failureRoutingDecision")
    return RoutingDecision(
        exchange=str(tree["exchange"]),
        routing_key=str(tree["routingKey"]),
        on_success=_tree_in(success) if isinstance(success, Mapping) else None,
        on_failure=_tree_in(failure) if isinstance(failure, Mapping) else None,
    )
