"""When incidents begin and end: once each, whoever evaluates, however often, and whoever dies."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.alerting import deliver_waiting
from core.context import ORCHESTRATOR, PLATFORM, Context
from core.models import AlertIncident
from core.services import alerts, reports
from core.services.alerts import Reading
from core.vocabulary import AlertKind
from tests import builders
from tests.alert_worlds import calm_down, hook, only, open_ones, park, rule, unpark, waiting_notices
from tests.conftest import Clock
from tests.webhook_server import Receiver, webhook_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as made:
        yield made


@pytest.fixture
def open_ctx(ctx: Context) -> Context:
    """An installation whose webhooks may be in its own network."""
    return builders.with_settings(
        ctx, ctx.settings.model_copy(update={"webhooks_to_private_addresses": True})
    )


def test_a_task_that_waits_too_long_is_told_once_and_again_when_it_is_over(
    open_ctx: Context, clock: Clock, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    task = builders.submit(open_ctx, world)
    builders.carry(open_ctx)

    for minutes in (10, 6, 6):
        clock.advance(minutes=minutes)
        alerts.evaluate(open_ctx, PLATFORM)
    reports.set_stage_statuses(open_ctx, ORCHESTRATOR, task.task_id, {"PARSING": "IN_PROGRESS"})
    calm_down(open_ctx, clock)
    deliver_waiting(open_ctx)

    told = [(body["event"], body["kind"], body["course"]) for body in receiver.bodies]
    assert told == [("opened", "waiting", "Robotics"), ("closed", "waiting", "Robotics")]
    assert receiver.paths == ["/services/T0/secret"] * 2


def test_four_evaluations_at_once_write_one_notice_for_the_beginning_and_one_for_the_end(
    open_ctx: Context, clock: Clock, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    only(open_ctx, AlertKind.PARKED, world.course_id)
    task = builders.submit(open_ctx, world)
    park(open_ctx, task.task_id)

    def all_at_once() -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: alerts.evaluate(open_ctx, PLATFORM), range(8)))

    all_at_once()
    begun = waiting_notices(open_ctx)
    unpark(open_ctx)
    all_at_once()
    clock.advance(minutes=6)
    all_at_once()

    assert begun == ["opened"]
    assert waiting_notices(open_ctx) == ["opened", "closed"]


def test_several_senders_deliver_each_notice_once_and_in_order(
    open_ctx: Context, clock: Clock, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    only(open_ctx, AlertKind.PARKED, world.course_id)
    task = builders.submit(open_ctx, world)
    for _ in range(3):
        park(open_ctx, task.task_id)
        alerts.evaluate(open_ctx, PLATFORM)
        unpark(open_ctx)
        calm_down(open_ctx, clock)

    with ThreadPoolExecutor(4) as pool:
        sent = sum(pool.map(lambda _: deliver_waiting(open_ctx), range(12)))
    sent += deliver_waiting(open_ctx)

    assert sent == 6
    assert [body["event"] for body in receiver.bodies] == ["opened", "closed"] * 3
    assert len({str(body["id"]) for body in receiver.bodies}) == 6


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_measured_beginnings_and_ends_take_turns(
    open_ctx: Context, clock: Clock, receiver: Receiver, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  a past that can be repeated
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    kept = only(open_ctx, AlertKind.WAITING, world.course_id)

    for _ in range(24):
        what = dice.choice(("holds", "holds", "calm", "calm", "between", "gone"))
        reading = Reading("", 1.0, 1.0, holds=what == "holds", calm=what == "calm", lasts=seed % 2 == 1)
        for _ in range(dice.randrange(1, 4)):
            with open_ctx.db.transaction() as session:
                alerts.settle(session, open_ctx, kept.id, [] if what == "gone" else [reading])
            clock.advance(minutes=dice.choice((0.5, 3, 10)))

    events = waiting_notices(open_ctx)
    assert len(events) > 2
    assert events == [("opened", "closed")[turn % 2] for turn in range(len(events))]
    with open_ctx.db.transaction() as session:
        rows = session.execute(select(AlertIncident.opened_at, AlertIncident.closed_at)).all()
    assert sum(row.closed_at is None and row.opened_at is not None for row in rows) == len(events) % 2


def test_the_database_holds_one_incident_at_most_for_a_rule_and_subject(ctx: Context) -> None:
    kept = rule(ctx, None, AlertKind.UNREACHABLE)
    row = {"rule_id": kept.id, "subject": "files", "held_since": ctx.now(), "opened_at": ctx.now()}
    figures = {"value": 1.0, "worst": 1.0, "threshold": 1.0}
    with ctx.db.transaction() as session:
        session.add(AlertIncident(**row, **figures))

    with pytest.raises(IntegrityError), ctx.db.transaction() as session:
        session.add(AlertIncident(**row, **figures))


def test_an_evaluation_that_does_not_come_to_its_end_tells_nobody(
    open_ctx: Context, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    kept = only(open_ctx, AlertKind.WAITING, world.course_id)
    reading = Reading("", 20.0, 15.0, holds=True, calm=False)

    def die() -> None:
        with open_ctx.db.transaction() as session:
            alerts.settle(session, open_ctx, kept.id, [reading])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    assert waiting_notices(open_ctx) == []
    with open_ctx.db.transaction() as session:
        alerts.settle(session, open_ctx, kept.id, [reading])

    assert waiting_notices(open_ctx) == ["opened"]
    assert open_ones(open_ctx) == [(AlertKind.WAITING, world.course_id, "")]


def test_a_value_around_its_threshold_does_not_flap(open_ctx: Context, clock: Clock) -> None:
    world = builders.world(open_ctx)
    kept = only(open_ctx, AlertKind.WAITING, world.course_id)

    for value in (16, 14, 16, 13, 14.5, 16, 11, 14, 11):
        with open_ctx.db.transaction() as session:
            reading = Reading("", value, 15, holds=value > 15, calm=value <= 12)
            alerts.settle(session, open_ctx, kept.id, [reading])
        clock.advance(minutes=4)

    assert len(alerts.list_incidents(open_ctx, PLATFORM)) == 1
    assert open_ones(open_ctx) != []
