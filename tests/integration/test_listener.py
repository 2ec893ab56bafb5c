"""The loop that listens, and what may happen to it: everything that breaks is broken for real."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from core import topology, wire
from core.broker import ReportIntake
from core.context import ORCHESTRATOR, Context
from core.embedded.postgres import EmbeddedPostgres
from core.errors import BrokerUnavailable
from core.listener import start_listener
from core.models import AppliedReport, OutboxMessage, TaskStageStatus
from core.services import monitoring, reports, submissions
from core.services.monitoring import QueueState
from core.vocabulary import ParkReason, StageStatus
from core.wake import Waker
from core.wire import LOG_KEY
from core.wire.reports import Report, Unreadable, read_report
from tests import amqp, builders
from tests.node_reports import DOWNLOADED, PASSED, RECEIVED, UPLOADED, Carried
from tests.outages import shut
from tests.rabbitmq import RabbitMq
from tests.waiting import eventually

PENDING, RUNNING, COMPLETED, FAILED = StageStatus


@pytest.fixture
def mq(ctx: Context, amqp_url: str) -> Context:
    """A world over RabbitMQ, with a report queue."""
    over_rabbitmq = builders.with_settings(
        ctx, ctx.settings.model_copy(update={"amqp_url": SecretStr(amqp_url)})
    )
    topology.ensure_topology(over_rabbitmq, topology.expected(over_rabbitmq))
    return over_rabbitmq


@contextmanager
def listening(ctx: Context) -> Iterator[threading.Thread]:
    waker = Waker(ctx.db)
    waker.start()
    thread = start_listener(ctx, waker)
    try:
        yield thread
    finally:
        waker.stop()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture
def carried(mq: Context) -> Carried:
    """A submission as the first node carries it."""
    builders.submit(mq, builders.world(mq))
    with mq.db.transaction() as session:
        return Carried.from_message(bytes(session.scalars(select(OutboxMessage.body)).one()), 1)


def say(ctx: Context, body: bytes, key: str = LOG_KEY) -> None:
    assert amqp.publish(ctx.settings.amqp_url.get_secret_value(), key, body)


def taking(ctx: Context) -> ReportIntake[Report | Unreadable]:
    return ReportIntake(ctx.settings, 10, lambda body, key, again: read_report(body, key, redelivered=again))


def stages(ctx: Context) -> list[StageStatus]:
    with ctx.db.transaction() as session:
        query = select(TaskStageStatus.status_id).order_by(TaskStageStatus.position)
        return [StageStatus(status) for status in session.scalars(query)]


def heard(ctx: Context) -> int:
    """How many different reports were dealt with."""
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(AppliedReport)) or 0


def left(ctx: Context) -> list[bytes]:
    return amqp.bodies(ctx.settings.amqp_url.get_secret_value(), wire.REPORT_QUEUE)


def requeues(ctx: Context, carried: Carried) -> int:
    task = submissions.get_task(
        ctx, builders.person(ctx, "admin", is_admin=True), int(carried.fields["taskId"])
    )
    return task.requeue_count


def test_what_is_applied_is_acknowledged_and_the_poisoned_stops_nobody(mq: Context, carried: Carried) -> None:
    said = [
        carried.write(RECEIVED),
        b"\xff\x00 garbage",
        carried.write("x" * 10_000_000),
        carried.write(PASSED),
        carried.towards(success=True).write(UPLOADED),
    ]

    with listening(mq):
        for body in said:
            say(mq, body)
        eventually(lambda: stages(mq) == [COMPLETED, PENDING])

    assert heard(mq) == len(said)
    assert left(mq) == []
    assert reports.count_parked(mq, builders.person(mq, "admin", is_admin=True)) == 1


def test_a_report_that_the_database_refuses_is_parked_alone(
    mq: Context, carried: Carried, caplog: pytest.LogCaptureFixture
) -> None:
    with mq.db.transaction() as session:
        session.execute(text("ALTER TABLE task_log ADD CONSTRAINT tripped CHECK (log_message <> 'trips it')"))
    for message in (RECEIVED, "trips it", PASSED):
        say(mq, carried.write(message))
    say(mq, carried.towards(success=True).write(UPLOADED))

    with listening(mq):
        eventually(lambda: heard(mq) == 4)

    assert stages(mq) == [COMPLETED, PENDING]
    assert left(mq) == []
    (parked,) = reports.list_parked(mq, builders.person(mq, "admin", is_admin=True))
    assert (parked.reason, parked.task_id) == (ParkReason.REFUSED, int(carried.fields["taskId"]))
    assert "is parked" in caplog.text


def test_a_listener_cut_off_before_its_acknowledgement_applies_nothing_twice(
    mq: Context, carried: Carried
) -> None:
    for message in (RECEIVED, DOWNLOADED):
        say(mq, carried.write(message))
    intake = taking(mq)
    batch = [eventually(lambda: intake.take(1, 1))[0].content for _ in range(2)]
    reports.apply_reports(mq, ORCHESTRATOR, batch)
    intake.close()
    say(mq, carried.write(PASSED))

    with listening(mq):
        eventually(lambda: heard(mq) == 3)

    assert requeues(mq, carried) == 0
    assert left(mq) == []


def test_an_acknowledgement_that_is_lost_with_its_connection_was_never_noted(
    mq: Context, carried: Carried, rabbitmq: RabbitMq
) -> None:
    say(mq, carried.write(RECEIVED))
    intake = taking(mq)
    (entry,) = eventually(lambda: intake.take(1, 1))
    reports.apply_reports(mq, ORCHESTRATOR, [entry.content], held=True)
    rabbitmq.pause()
    try:
        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(intake.acknowledge, [entry])
            assert not wait([told], 1).done, "the broker has not taken note yet"
            rabbitmq.kill()
            with pytest.raises(BrokerUnavailable):
                told.result(60)
    finally:
        rabbitmq.kill()
        rabbitmq.start()

    with listening(mq):
        say(mq, carried.write(PASSED))
        eventually(lambda: heard(mq) == 2)
        eventually(lambda: left(mq) == [])

    assert requeues(mq, carried) == 0


def test_what_the_broker_has_taken_note_of_is_written_down_when_nothing_else_comes(
    mq: Context, carried: Carried
) -> None:
    def unacknowledged() -> int:
        with mq.db.transaction() as session:
            query = select(func.count()).where(~AppliedReport.is_acknowledged)
            return session.scalar(query) or 0

    with listening(mq):
        say(mq, carried.write(RECEIVED))
        eventually(lambda: heard(mq) == 1 and unacknowledged() == 0)
        say(mq, carried.write(RECEIVED))
        eventually(lambda: requeues(mq, carried) == 1)


def test_a_cut_connection_and_a_restart_of_the_broker_lose_no_report(
    mq: Context, carried: Carried, rabbitmq: RabbitMq
) -> None:
    with listening(mq):
        say(mq, carried.write(RECEIVED))
        eventually(lambda: stages(mq) == [RUNNING, PENDING])
        rabbitmq.cut_connections()
        say(mq, carried.write(PASSED))
        eventually(lambda: heard(mq) == 2)
        rabbitmq.restart()
        say(mq, carried.towards(success=True).write(UPLOADED))
        eventually(lambda: stages(mq) == [COMPLETED, PENDING])

    assert left(mq) == []


def test_a_listener_gives_up_a_broker_whose_heartbeat_is_lost_and_finds_it_again(
    mq: Context, carried: Carried, rabbitmq: RabbitMq, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{mq.settings.amqp_url.get_secret_value()}?heartbeat=2"
    impatient = builders.with_settings(mq, mq.settings.model_copy(update={"amqp_url": SecretStr(url)}))

    with listening(impatient):
        say(mq, carried.write(RECEIVED))
        eventually(lambda: stages(mq) == [RUNNING, PENDING])
        rabbitmq.pause()
        try:
            eventually(lambda: "listener connects again" in caplog.text)
        finally:
            rabbitmq.resume()
        say(mq, carried.write(PASSED))
        eventually(lambda: heard(mq) == 2)

    assert left(mq) == []
    assert requeues(mq, carried) == 0


def test_while_postgres_is_away_the_batch_waits_and_is_applied_once(
    mq: Context, carried: Carried, postgres: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(mq):
        say(mq, carried.write(RECEIVED))
        eventually(lambda: stages(mq) == [RUNNING, PENDING])
        with shut(mq, postgres):
            say(mq, carried.write("Robot calibrated"))
            eventually(lambda: "listener holds" in caplog.text)
        eventually(lambda: heard(mq) == 2)

    assert left(mq) == []
    assert requeues(mq, carried) == 0


def test_wrong_credentials_are_said_clearly_and_without_the_password(
    mq: Context, rabbitmq: RabbitMq, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    wrong = SecretStr(rabbitmq.url(password="not-the-password"))
    ctx = builders.with_settings(mq, mq.settings.model_copy(update={"amqp_url": wrong}))

    with listening(ctx):
        eventually(lambda: "ULOS_AMQP_URL" in caplog.text)

    assert "not-the-password" not in caplog.text


def test_a_listener_waits_for_a_report_queue_that_is_not_there_yet(
    ctx: Context, amqp_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    later = builders.with_settings(ctx, ctx.settings.model_copy(update={"amqp_url": SecretStr(amqp_url)}))

    with listening(later):
        eventually(lambda: f"no queue {wire.REPORT_QUEUE}" in caplog.text)
        topology.ensure_topology(later, topology.expected(later))
        say(later, b"garbage")
        eventually(lambda: heard(later) == 1)


def test_a_queue_that_is_deleted_under_the_listener_is_found_again(mq: Context, amqp_url: str) -> None:
    with listening(mq):
        say(mq, b"one")
        eventually(lambda: heard(mq) == 1)
        with amqp.channel(amqp_url) as channel:
            channel.queue_delete(wire.REPORT_QUEUE)
        topology.ensure_topology(mq, topology.expected(mq))
        say(mq, b"two")
        eventually(lambda: heard(mq) == 2)


def test_two_listeners_share_the_reports(mq: Context, carried: Carried) -> None:
    with listening(mq), listening(mq):
        for number in range(200):
            say(mq, carried.write(f"line {number}"))
        eventually(lambda: heard(mq) == 200)

    task = submissions.get_task(
        mq, builders.person(mq, "admin", is_admin=True), int(carried.fields["taskId"])
    )
    assert len({line.message for line in task.logs if line.message.startswith("line")}) == 200


def test_reports_that_wait_to_be_applied_are_counted_with_who_applies_them(mq: Context) -> None:
    monitor = builders.world(mq).monitor
    say(mq, b"the first")
    say(mq, b"the second")

    waiting = monitoring.read_report_queue(mq, monitor)
    with listening(mq):

        def emptied() -> QueueState | None:
            state = monitoring.read_report_queue(mq, monitor)
            return state if state is not None and state.messages == 0 else None

        applying = eventually(emptied)

    assert waiting is not None
    assert (waiting.messages, waiting.consumers, waiting.is_stalled) == (2, 0, True)
    assert applying.consumers == 1
