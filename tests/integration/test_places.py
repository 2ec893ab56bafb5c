"""Where work waits: course by course, and before the broker."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.context import ORCHESTRATOR, PLATFORM, Context
from core.errors import NotAllowed
from core.services import monitoring, reports
from core.services.monitoring import Scope
from tests import builders
from tests.conftest import Clock


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


def test_each_course_says_what_waits_and_runs_in_it(
    ctx: Context, clock: Clock, world: builders.World
) -> None:
    runs, _waits, fails = (builders.submit(ctx, world, key=key).task_id for key in ("a", "b", "c"))
    reports.set_stage_statuses(ctx, ORCHESTRATOR, runs, {"PARSING": 2})
    builders.fail(ctx, ORCHESTRATOR, fails)
    clock.advance(minutes=4)

    (course,) = monitoring.count_by_course(ctx, PLATFORM)

    queue = monitoring.read_queue(ctx, PLATFORM, Scope(course_id=course.course_id))
    assert (course.course_id, course.waiting, course.running) == (world.course_id, 1, 1)
    assert (queue.waiting, queue.running) == (1, 1)
    assert course.oldest_waiting_seconds == queue.oldest_waiting_seconds == 240
    assert monitoring.count_by_course(ctx, world.monitor) == [course]
    with pytest.raises(NotAllowed):
        monitoring.count_by_course(ctx, world.stranger)


def test_the_wait_before_the_broker_grows_until_the_message_is_out(
    ctx: Context, clock: Clock, world: builders.World
) -> None:
    scope = Scope(course_id=world.course_id)
    assert monitoring.measure_outbox_lag(ctx, world.monitor, scope) is None
    builders.submit(ctx, world)
    clock.advance(seconds=90)
    assert monitoring.measure_outbox_lag(ctx, world.monitor, scope) == 90

    with ctx.db.transaction() as session:
        session.execute(text("UPDATE outbox SET published_at = now()"))

    assert monitoring.measure_outbox_lag(ctx, world.monitor, scope) is None
