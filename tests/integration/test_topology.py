"""RabbitMQ gets what it lacks, keeps what it has, and what waited for it goes out by itself."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from core import relay, topology, wire
from core.broker import RabbitPublisher
from core.broker.declaring import Finding, State, ensure
from core.context import Context
from core.db import utc_now
from core.models import OutboxMessage
from core.relay import copy_next, publish_batch
from core.services import definitions, submissions
from core.topology import declared, ensure_topology
from core.vocabulary import WaitingCause
from core.wake import Waker
from tests import builders
from tests.amqp import bodies, channel, declare, has_queue, publish
from tests.conftest import Clock
from tests.waiting import eventually

KEYS = ("g-code-parsing", "g-code-execution")


@pytest.fixture
def ctx(ctx: Context, amqp_url: str) -> Context:
    return replace(
        ctx, settings=ctx.settings.model_copy(update={"amqp_url": SecretStr(amqp_url)}), now=utc_now
    )


def declaring_nothing(ctx: Context) -> Context:
    return replace(ctx, settings=ctx.settings.model_copy(update={"amqp_declare": False}))


@contextmanager
def working(ctx: Context) -> Iterator[None]:
    """The loops of the worker process."""
    waker = Waker(ctx.db)
    publisher = RabbitPublisher(ctx.settings)
    waker.start()
    threads = [*relay.start_threads(ctx, publisher, waker), topology.start_thread(ctx, waker)]
    try:
        yield
    finally:
        waker.stop()
        for thread in threads:
            thread.join()
        publisher.close()


def tasks_in(url: str, queue: str) -> list[int]:
    return [int(wire.decode(body).task_id) for body in bodies(url, queue)]


def is_published(ctx: Context, world: builders.World, task_id: int) -> bool:
    return submissions.get_task(ctx, world.student, task_id).current.published_at is not None


def test_a_bare_broker_gets_everything_that_tasks_and_reports_need(ctx: Context, amqp_url: str) -> None:
    world = builders.world(ctx)

    assert ensure_topology(ctx, declared(ctx))

    task = builders.submit(ctx, world).task_id
    assert builders.carry(ctx) == 1
    assert tasks_in(amqp_url, KEYS[0]) == [task]
    assert publish(amqp_url, KEYS[1])
    for key in wire.REPORT_KEYS:
        assert publish(amqp_url, key, key.encode())
    assert bodies(amqp_url, "ulos.reports") == [key.encode() for key in wire.REPORT_KEYS]
    assert not ensure_topology(ctx, declared(ctx)), "the second time there is nothing to make"


def test_what_the_report_queue_refuses_is_kept_as_a_dead_letter(ctx: Context, amqp_url: str) -> None:
    ensure_topology(ctx, declared(ctx))
    publish(amqp_url, "task.log", b"poison")

    with channel(amqp_url) as listener:
        delivered, _, _ = listener.basic_get("ulos.reports")
        listener.basic_reject(delivered.delivery_tag, requeue=False)

    assert eventually(lambda: bodies(amqp_url, "ulos.reports.dead")) == [b"poison"]


def test_queues_and_exchanges_with_other_arguments_are_accepted(ctx: Context, amqp_url: str) -> None:
    world = builders.world(ctx)
    with channel(amqp_url) as administrator:
        administrator.exchange_declare(wire.EXCHANGE, "topic", durable=True)
        administrator.queue_declare(KEYS[0], durable=True, arguments={"x-queue-type": "quorum"})
        administrator.queue_declare("ulos.reports", durable=True, arguments={"x-max-length": 100_000})

    ensure_topology(ctx, declared(ctx))

    task = builders.submit(ctx, world).task_id
    assert builders.carry(ctx) == 1
    assert eventually(lambda: tasks_in(amqp_url, KEYS[0])) == [task]
    assert publish(amqp_url, "task.done")


def test_told_to_declare_nothing_it_makes_the_report_queue_only(ctx: Context, amqp_url: str) -> None:
    builders.world(ctx)
    declare(amqp_url)

    ensure_topology(ctx, declared(declaring_nothing(ctx)))

    there = [name for name in (*KEYS, "ulos.reports", "ulos.reports.dead") if has_queue(amqp_url, name)]
    assert there == ["ulos.reports"]
    assert publish(amqp_url, "task.log")


def test_a_queue_that_was_renamed_gets_no_second_copy_of_each_task(ctx: Context, amqp_url: str) -> None:
    world = builders.world(ctx)
    ensure_topology(ctx, declared(ctx))
    stages = [
        replace(stage, queue=f"renamed-{number}")
        for number, stage in enumerate(builders.definition_draft().stages)
    ]
    change = definitions.DefinitionChange(stages=stages)
    image = {"image.tar.gz": io.BytesIO(b"image")}
    definitions.update_definition(ctx, world.professor, world.definition_id, change, image)

    ensure_topology(ctx, declared(ctx))

    task = builders.submit(ctx, world).task_id
    assert builders.carry(ctx) == 1
    assert tasks_in(amqp_url, "renamed-0") == [task]
    assert tasks_in(amqp_url, KEYS[0]) == []


def test_a_submission_that_no_queue_takes_says_so_and_stops_no_other(
    ctx: Context, clock: Clock, amqp_url: str
) -> None:
    ctx = replace(ctx, now=clock)
    world = builders.world(ctx)
    declare(amqp_url)
    stuck = builders.submit(ctx, world, key="stuck").task_id

    assert builders.carry(ctx) == 0

    waiting = submissions.get_task(ctx, world.student, stuck).current.waiting_reason
    assert waiting is not None
    assert waiting.cause is WaitingCause.NO_QUEUE
    assert str(waiting) == f"no queue is bound to processing-exchange/{KEYS[0]}"
    declare(amqp_url, KEYS[0])
    assert builders.carry(ctx) == 0, "not before its pause is over"
    clock.advance(seconds=2)
    assert builders.carry(ctx) == 1
    assert submissions.get_task(ctx, world.student, stuck).current.waiting_reason is None
    assert tasks_in(amqp_url, KEYS[0]) == [stuck]


def test_the_worker_sets_up_the_broker_and_what_is_submitted_goes_out(ctx: Context, amqp_url: str) -> None:
    world = builders.world(ctx)

    with working(ctx):
        task = builders.submit(ctx, world).task_id
        eventually(lambda: is_published(ctx, world, task))

    assert tasks_in(amqp_url, KEYS[0]) == [task]


def test_a_definition_made_while_the_worker_runs_has_its_queues_at_once(
    ctx: Context, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "LOOK_SECONDS", 3600)  # so that only the notification can wake it
    world = builders.world(ctx)

    with working(ctx):
        eventually(lambda: has_queue(amqp_url, KEYS[1]))
        draft = builders.definition_draft("Kotlin")
        definitions.create_definition(ctx, world.professor, draft, {"image.tar.gz": io.BytesIO(b"image")})
        eventually(lambda: has_queue(amqp_url, "kotlin-execution"))


def test_a_broker_that_lost_everything_is_set_up_again_and_gets_what_waits(
    ctx: Context, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "LOOK_SECONDS", 3600)
    world = builders.world(ctx)

    with working(ctx):
        first = builders.submit(ctx, world, key="first").task_id
        eventually(lambda: is_published(ctx, world, first))
        with channel(amqp_url) as administrator:
            administrator.queue_delete(KEYS[0])
            administrator.exchange_delete(wire.EXCHANGE)
        second = builders.submit(ctx, world, key="second").task_id
        eventually(lambda: is_published(ctx, world, second))

    assert tasks_in(amqp_url, KEYS[0]) == [second]


def test_what_waits_is_tried_again_at_once_when_the_topology_changes(
    ctx: Context, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "LOOK_SECONDS", 3600)
    world = builders.world(ctx)
    with working(ctx):
        eventually(lambda: has_queue(amqp_url, KEYS[1]))
        with ctx.db.exclusively("copies"):  # not before we have said that it waits
            task = builders.submit(ctx, world).task_id
            with ctx.db.transaction() as session:
                session.execute(update(OutboxMessage).values(next_try_at=ctx.now() + timedelta(hours=1)))
        eventually(lambda: submissions.get_task(ctx, world.student, task).current.copied_at)

        draft = builders.definition_draft("Kotlin")
        definitions.create_definition(ctx, world.professor, draft, {"image.tar.gz": io.BytesIO(b"image")})

        eventually(lambda: is_published(ctx, world, task))


def test_what_waited_for_an_administrator_goes_out_by_itself(ctx: Context, amqp_url: str) -> None:
    ctx = declaring_nothing(ctx)
    world = builders.world(ctx)

    with working(ctx):
        task = builders.submit(ctx, world).task_id
        eventually(lambda: submissions.get_task(ctx, world.student, task).current.waiting_reason)
        declare(amqp_url, *KEYS)
        eventually(lambda: is_published(ctx, world, task))

    assert tasks_in(amqp_url, KEYS[0]) == [task]


def test_the_command_line_tells_what_is_missing_and_what_is_different(ctx: Context, amqp_url: str) -> None:
    builders.world(ctx)
    with channel(amqp_url) as administrator:
        administrator.exchange_declare(wire.EXCHANGE, "direct", durable=True)
        administrator.queue_declare(KEYS[0], durable=True, arguments={"x-max-length": 5})

    code, text = command_line(ctx)

    assert code == 1
    assert "there      exchange processing-exchange" in text
    assert "x-max-length" in next(line for line in text.splitlines() if f"queue {KEYS[0]}" in line)
    assert f"missing    queue {KEYS[1]}" in text
    assert f"binding processing-exchange/{KEYS[1]} → {KEYS[1]}" in text
    assert not has_queue(amqp_url, KEYS[1]), "it only looks"


def test_the_command_line_is_content_when_all_is_there(ctx: Context) -> None:
    builders.world(ctx)
    ensure_topology(ctx, declared(ctx))

    code, text = command_line(ctx)

    assert code == 0, text
    assert "missing" not in text


def command_line(ctx: Context) -> tuple[int, str]:
    settings = ctx.settings
    values = {
        "DATABASE_URL": settings.database_url,
        "FTP_URL": settings.ftp_url,
        "AMQP_URL": settings.amqp_url,
        "SECRET_KEY": settings.secret_key,
        "CALLBACK_TOKEN": settings.callback_token,
    }
    environment = {f"ULOS_{name}": value.get_secret_value() for name, value in values.items()}
    done = subprocess.run(
        [sys.executable, "-m", "core", "topology"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_the_user_may_not_declare_is_named_and_stops_nothing_else(ctx: Context, amqp_url: str) -> None:
    findings = ensure(ctx.settings, ["amq.not-ours", wire.EXCHANGE], [])

    assert [finding.state for finding in findings] == [State.REFUSED, State.CREATED]
    assert isinstance(findings[0], Finding)
    assert "amq.not-ours" in findings[0].detail


def test_several_relays_hand_each_message_to_rabbitmq_once(ctx: Context, amqp_url: str) -> None:
    world = builders.world(ctx)
    ctx = replace(ctx, settings=ctx.settings.model_copy(update={"max_under_way_per_student": 0}))
    ensure_topology(ctx, declared(ctx))
    tasks = [builders.submit(ctx, world, key=str(number)).task_id for number in range(30)]
    while copy_next(ctx):
        pass

    def work() -> None:
        publisher = RabbitPublisher(ctx.settings)
        for _ in range(5):
            publish_batch(ctx, publisher)
        publisher.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(tasks_in(amqp_url, KEYS[0])) == tasks
