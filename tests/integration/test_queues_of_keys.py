"""The queue of a routing key belongs to the key: definitions share it, and no other queue gets its tasks."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from pydantic import SecretStr
from sqlalchemy import delete
from starlette.testclient import TestClient

from api.app import create_app
from core import topology, wire
from core.context import PLATFORM, Actor, Context
from core.db import utc_now
from core.demo.containers import DEFINITIONS
from core.errors import NotAllowed, NotFound, QueueTaken
from core.models import QueueBinding
from core.services import alerts, definitions, monitoring
from core.services.definitions import Definition, DefinitionChange
from core.topology import declared, ensure_topology
from core.vocabulary import AlertKind, Role
from tests import builders
from tests.alert_worlds import only, open_ones
from tests.amqp import bodies, channel, declare, has_queue, publish
from tests.builders import World
from tests.conftest import Clock
from tests.http_worlds import definition, form, signed_in, stage

KEY = "cypress-execution"


@pytest.fixture
def ctx(ctx: Context, amqp_url: str) -> Context:
    return replace(
        ctx, settings=ctx.settings.model_copy(update={"amqp_url": SecretStr(amqp_url)}), now=utc_now
    )


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


@pytest.fixture
def other(ctx: Context, world: World) -> Actor:
    """Another professor."""
    made = builders.person(ctx, "other")
    builders.courses.enrol(ctx, PLATFORM, world.course_id, made.user_id or 0, Role.PROFESSOR)
    return made


def define(ctx: Context, actor: Actor, name: str, *, key: str = KEY, queue: str = "") -> Definition:
    first, second = builders.definition_draft(name).stages
    draft = builders.definition_draft(name, stages=[first, replace(second, routing_key=key, queue=queue)])
    return definitions.create_definition(ctx, actor, draft, {"image.tar.gz": io.BytesIO(b"image")})


def set_up(ctx: Context) -> None:
    ensure_topology(ctx, declared(ctx))
    topology.move_left_behind(ctx)


def test_a_new_definition_with_a_known_key_gets_the_queue_of_the_key(
    ctx: Context, world: World, other: Actor, amqp_url: str
) -> None:
    define(ctx, world.professor, "First", queue="nodes")
    second = define(ctx, other, "Second")

    set_up(ctx)

    assert second.stages[1].queue == "nodes"
    assert publish(amqp_url, KEY, b"task")
    assert bodies(amqp_url, "nodes") == [b"task"]
    assert not has_queue(amqp_url, KEY)


def test_another_queue_on_a_known_key_is_refused_over_http_with_who_uses_it(
    ctx: Context, world: World, other: Actor, amqp_url: str
) -> None:
    define(ctx, world.professor, "First")
    asked = definition(stage("RUN", routing_key=KEY, queue="mine"), name="Second")

    with TestClient(create_app(ctx.settings, ctx)) as client:
        answer = client.post(
            "/task-definitions", headers=signed_in(ctx, other), **form(asked, [("run.tar.gz", b"image")])
        )

    assert answer.status_code == 409
    assert answer.json()["title"] == "QueueTaken"
    assert answer.json()["names"] == ["First (professor@uniandes.edu.co)"]
    assert "First (professor@uniandes.edu.co)" in answer.json()["detail"]
    set_up(ctx)
    assert publish(amqp_url, KEY, b"task")
    assert bodies(amqp_url, KEY) == [b"task"]
    assert not has_queue(amqp_url, "mine")


def test_a_definition_that_is_changed_cannot_take_the_key_of_another_either(
    ctx: Context, world: World, other: Actor
) -> None:
    define(ctx, world.professor, "First")
    made = define(ctx, other, "Second", key="free")
    stages = [definitions.StageDraft("PARSING", "true", "", "", routing_key=KEY, queue="mine")]

    with pytest.raises(QueueTaken, match="First"):
        definitions.update_definition(ctx, other, made.id, DefinitionChange(stages=stages), {})


def test_the_only_definition_of_a_key_may_change_its_queue_and_takes_its_tasks_along(
    ctx: Context, world: World, amqp_url: str
) -> None:
    made = define(ctx, world.professor, "First")
    set_up(ctx)
    publish(amqp_url, KEY, b"task")
    stages = [replace(stage_of(one), queue="better" if one.routing_key == KEY else "") for one in made.stages]

    definitions.update_definition(ctx, world.professor, made.id, DefinitionChange(stages=stages), {})
    set_up(ctx)

    assert bodies(amqp_url, "better") == [b"task"]
    publish(amqp_url, KEY, b"next")
    assert (bodies(amqp_url, KEY), bodies(amqp_url, "better")) == ([], [b"next"])


def stage_of(one: definitions.Stage) -> definitions.StageDraft:
    return definitions.StageDraft(
        one.stage_name, one.run_command, "", "", own_id=one.id, routing_key=one.routing_key
    )


@pytest.mark.parametrize("change", ["delete", "other key"])
def test_what_no_definition_needs_any_more_is_unbound_at_once(
    ctx: Context, world: World, amqp_url: str, change: str
) -> None:
    made = define(ctx, world.professor, "First")
    set_up(ctx)
    assert publish(amqp_url, KEY, b"task")

    if change == "delete":
        definitions.delete_definition(ctx, world.professor, made.id)
    else:
        stages = [replace(stage_of(one), routing_key=f"other-{one.position}") for one in made.stages]
        definitions.update_definition(ctx, world.professor, made.id, DefinitionChange(stages=stages), {})
    set_up(ctx)

    assert not publish(amqp_url, KEY)


def test_a_key_that_others_still_use_stays_bound_when_one_is_deleted(
    ctx: Context, world: World, other: Actor, amqp_url: str
) -> None:
    define(ctx, world.professor, "First")
    second = define(ctx, other, "Second")
    set_up(ctx)

    definitions.delete_definition(ctx, other, second.id)
    set_up(ctx)

    assert publish(amqp_url, KEY, b"task")
    assert bodies(amqp_url, KEY) == [b"task"]


def test_a_replaced_version_keeps_its_keys_while_a_task_is_under_way(
    ctx: Context, world: World, amqp_url: str
) -> None:
    builders.submit(ctx, world)
    before = definitions.get_definition(ctx, world.professor, world.definition_id)
    stages = [replace(stage_of(one), routing_key=f"new-{one.position}") for one in before.stages]

    definitions.update_definition(ctx, world.professor, before.id, DefinitionChange(stages=stages), {})
    set_up(ctx)

    assert publish(amqp_url, "g-code-execution")
    assert publish(amqp_url, "new-1")


def test_two_definitions_saved_at_once_with_one_new_key_share_its_queue(
    ctx: Context, world: World, other: Actor
) -> None:
    wanted = {"left": world.professor, "right": other}
    made: dict[str, Definition] = {}
    refused: list[QueueTaken] = []

    def save(queue: str, actor: Actor) -> None:
        try:
            made[queue] = define(ctx, actor, queue, queue=queue)
        except QueueTaken as error:
            refused.append(error)

    run_at_once([partial(save, q, a) for q, a in wanted.items()])

    assert (len(made), len(refused)) == (1, 1)


def run_at_once(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_an_administrator_moves_a_key_with_its_tasks_and_leaves_those_of_other_keys(
    ctx: Context, world: World, other: Actor, amqp_url: str
) -> None:
    define(ctx, world.professor, "First", queue="shared")
    second = define(ctx, other, "Second", key="kotlin-execution", queue="shared")
    set_up(ctx)
    for key, body in ((KEY, b"1"), ("kotlin-execution", b"2"), (KEY, b"3")):
        publish(amqp_url, key, body)

    with pytest.raises(NotAllowed):
        definitions.move_key(ctx, world.professor, wire.EXCHANGE, KEY, "own")
    with pytest.raises(NotFound):
        definitions.move_key(ctx, PLATFORM, wire.EXCHANGE, "unknown", "own")
    topology.move(ctx, wire.EXCHANGE, KEY, "own")

    assert bodies(amqp_url, "own") == [b"1", b"3"]
    assert bodies(amqp_url, "shared") == [b"2"]
    queues = {found.definition_name: found.stages[1].queue for found in read_all(ctx)}
    assert (queues["First"], queues["Second"]) == ("own", "shared")
    assert second.stages[1].queue == "shared"


def read_all(ctx: Context) -> list[Definition]:
    return definitions.list_definitions(ctx, PLATFORM)


def test_queues_that_exist_with_other_arguments_serve_and_are_moved_to(
    ctx: Context, world: World, amqp_url: str
) -> None:
    define(ctx, world.professor, "First")
    set_up(ctx)
    publish(amqp_url, KEY, b"task")
    with channel(amqp_url) as administrator:
        administrator.queue_declare("quorum", durable=True, arguments={"x-queue-type": "quorum"})

    topology.move(ctx, wire.EXCHANGE, KEY, "quorum")

    builders.wait_until(lambda: bodies(amqp_url, "quorum") == [b"task"])


def test_told_to_declare_nothing_stray_bindings_are_reported_until_they_are_cleaned(
    ctx: Context, world: World, clock: Clock, amqp_url: str
) -> None:
    off = replace(ctx, settings=ctx.settings.model_copy(update={"amqp_declare": False}), now=clock)
    made = define(off, world.professor, "First")
    declare(amqp_url, KEY, "g-code-parsing", "g-code-execution", "first-parsing")
    publish(amqp_url, KEY, b"task")
    only(off, AlertKind.ROUTING, None)

    definitions.delete_definition(off, world.professor, made.id)
    ensure_topology(off, declared(off))
    lines, is_well = topology.describe(off)

    assert not is_well
    assert f"  unwanted   binding {wire.EXCHANGE}/{KEY} → {KEY}" in lines
    assert f"  unserved   queue {KEY}  (1 messages, no consumer)" in lines
    assert publish(amqp_url, KEY), "nothing was changed"
    stray = f"{wire.EXCHANGE}/{KEY} → {KEY}"
    assert stray in monitoring.read_components(off, world.monitor).stray_bindings
    for _ in range(2):
        alerts.evaluate(off, PLATFORM)
        clock.advance(minutes=6)
    assert (AlertKind.ROUTING, None, stray) in open_ones(off)

    topology.clean(off)

    assert not publish(amqp_url, KEY)
    assert monitoring.read_components(off, world.monitor).stray_bindings == ()


def test_a_queue_that_lost_its_key_is_watched_while_messages_lie_in_it(
    ctx: Context, world: World, amqp_url: str
) -> None:
    made = define(ctx, world.professor, "First")
    set_up(ctx)
    publish(amqp_url, KEY, b"task")
    definitions.delete_definition(ctx, world.professor, made.id)
    set_up(ctx)

    assert KEY in [state.name for state in monitoring.read_consumers(ctx, PLATFORM) if state.is_stalled]
    bodies(amqp_url, KEY)
    assert KEY not in [state.name for state in monitoring.read_consumers(ctx, PLATFORM)]


def test_a_broker_that_forbids_the_new_binding_keeps_the_old_one(
    ctx: Context, world: World, amqp_url: str
) -> None:
    define(ctx, world.professor, "First")
    set_up(ctx)
    with ctx.db.transaction() as session:
        session.execute(delete(QueueBinding).where(QueueBinding.routing_key == KEY))
        session.add(QueueBinding(exchange=wire.EXCHANGE, routing_key=KEY, queue="amq.forbidden"))
        session.add(
            QueueBinding(exchange=wire.EXCHANGE, routing_key=KEY, queue=KEY, left_at=ctx.now()),
        )

    ensure_topology(ctx, declared(ctx))

    assert publish(amqp_url, KEY), "a task that goes nowhere would be lost"


def test_the_api_lists_the_keys_that_nodes_know_and_those_in_use(
    ctx: Context, world: World, other: Actor
) -> None:
    define(ctx, other, "First", queue="nodes")

    with TestClient(create_app(ctx.settings, ctx)) as client:
        answer = client.get("/task-definitions/keys", headers=signed_in(ctx, world.monitor))

    keys = {key["routing_key"]: (key["queue"], key["has_executor"]) for key in answer.json()}
    assert keys[KEY] == ("nodes", True)
    assert keys["kotlin-execution"] == (None, True)
    assert keys["g-code-parsing"] == ("g-code-parsing", False)


def test_nodes_of_the_orchestrator_know_each_key_of_the_demo() -> None:
    used = {stage.routing_key for draft in DEFINITIONS for stage in draft.stages}

    assert used <= set(wire.NODE_KEYS)
