"""What travels through the orchestrator comes back as it went, and every path of it has an end."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import wire

plain = st.text("abcXYZ0189._/-", min_size=1, max_size=20)
anything = st.text(st.characters(codec="utf-8"), max_size=40)
stage = st.builds(
    wire.StageOrder,
    name=anything,
    image_path=plain,
    run_command=anything,
    timeout_seconds=st.integers(1, 86_400),
    trusted=st.booleans(),
    exchange=plain,
    routing_key=plain.filter(lambda key: key not in {wire.DONE_KEY, wire.FAILED_KEY}),
)


@st.composite
def messages(draw: st.DrawFn) -> wire.TaskMessage:
    stages = tuple(draw(st.lists(stage, min_size=1, max_size=8)))
    return wire.TaskMessage(
        task_id=draw(plain),
        owner_id=draw(plain),
        attempt=draw(st.integers(1, 99)),
        file_path=f"/{draw(plain)}.zip",
        timeout_seconds=max(one.timeout_seconds for one in stages),
        route=wire.plan_route([(one.exchange, one.routing_key) for one in stages]),
        definition_name=draw(anything),
        stages=stages,
    )


def ends(decision: wire.RoutingDecision) -> Iterator[str]:
    """The keys in which the paths from `decision` end."""
    following = [path for path in (decision.on_success, decision.on_failure) if path is not None]
    if not following:
        yield decision.routing_key
    for path in following:
        yield from ends(path)


@given(messages())
def test_every_path_ends_in_done_or_failed_and_each_stage_has_both(message: wire.TaskMessage) -> None:
    assert sorted(ends(message.route)) == [wire.DONE_KEY] + [wire.FAILED_KEY] * len(message.stages)
    decision = message.route
    for one in message.stages:
        assert (decision.exchange, decision.routing_key) == (one.exchange, one.routing_key)
        assert decision.on_failure == wire.RoutingDecision(wire.EXCHANGE, wire.FAILED_KEY)
        assert decision.on_success is not None
        decision = decision.on_success
    assert decision == wire.RoutingDecision(wire.EXCHANGE, wire.DONE_KEY)


@given(messages())
def test_a_message_comes_back_as_it_went(message: wire.TaskMessage) -> None:
    assert wire.decode(wire.encode(message)) == message


@given(messages())
def test_the_stage_to_run_is_known_by_what_is_left_of_the_tree(message: wire.TaskMessage) -> None:
    for index in range(len(message.stages)):
        assert wire.decode(wire.encode(message)).stage_index == index
        assert message.route.on_success is not None
        message = message.towards(message.route.on_success)


@given(messages())
def test_a_message_survives_a_node_that_reads_bytes_as_characters(message: wire.TaskMessage) -> None:
    body = wire.encode(message)
    assert body.isascii()

    # Such a node writes its characters out one byte each; what was escaped stays within a text.
    fields = json.loads(body.decode("latin-1"))
    again = json.dumps(fields, ensure_ascii=False).encode("latin-1", "replace")

    routing = ("taskId", "taskOwnerId", "filePath", "timeout", "routingTree")
    assert {name: json.loads(again.decode("latin-1"))[name] for name in routing} == {
        name: fields[name] for name in routing
    }


@given(messages(), st.characters(codec="utf-8").filter(lambda sign: not wire.PLAIN.fullmatch(sign)))
def test_a_name_that_would_not_survive_is_never_sent(message: wire.TaskMessage, sign: str) -> None:
    first = message.route
    routes = [
        wire.RoutingDecision(first.exchange + sign, first.routing_key, first.on_success, first.on_failure),
        wire.RoutingDecision(first.exchange, sign + first.routing_key, first.on_success, first.on_failure),
    ]
    for route in routes:
        with pytest.raises(ValueError, match="cannot travel"):
            wire.encode(message.towards(route))


def test_a_time_out_of_nothing_is_never_sent() -> None:
    route = wire.plan_route([(wire.EXCHANGE, "key")])
    order = wire.StageOrder("PARSING", "/image", "true", 1, trusted=False)
    message = wire.TaskMessage("1", "2", 1, "/a.zip", 0, route, "name", (order,))

    with pytest.raises(ValueError, match="positive"):
        wire.encode(message)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_task_are_said_to_be_none(body: bytes) -> None:
    with pytest.raises(wire.Undecodable):
        wire.decode(body)
