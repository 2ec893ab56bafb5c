"""Tasks that nothing is heard of any more."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.context import ORCHESTRATOR, PLATFORM, Context
from core.errors import NotAllowed, NotRequeueable
from core.services import definitions, monitoring, reports, requeues, stalled, submissions
from core.services.definitions import DefinitionChange
from core.vocabulary import StageStatus
from tests import builders
from tests.conftest import Clock

TIMEOUT = 300
PENDING, RUNNING, COMPLETED, FAILED = StageStatus


def submitted(ctx: Context, world: builders.World, key: str) -> int:
    """A task that is with the nodes."""
    task_id = builders.submit(ctx, world, key=key).task_id
    builders.carry(ctx)
    return task_id


def report(ctx: Context, task_id: int, status: StageStatus, stage: str = "PARSING") -> None:
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {stage: status})


def run(ctx: Context, clock: Clock, world: builders.World, key: str, *, seconds: float) -> int:
    """A task whose first stage took so long."""
    task_id = submitted(ctx, world, key)
    report(ctx, task_id, RUNNING)
    clock.advance(seconds=seconds)
    report(ctx, task_id, FAILED)
    return task_id


def mark(ctx: Context) -> list[int]:
    return stalled.mark_stalled(ctx, PLATFORM)


def test_what_runs_is_stalled_after_its_time_limit_and_a_margin(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    task_id = submitted(ctx, world, "runs")
    report(ctx, task_id, RUNNING)
    reports.add_task_log(ctx, ORCHESTRATOR, task_id, "Robot calibrated")
    clock.advance(seconds=TIMEOUT + 59)
    assert mark(ctx) == []

    clock.advance(seconds=2)

    assert mark(ctx) == [task_id]
    assert mark(ctx) == [], "once"
    (row,) = stalled.list_stalled(ctx, world.monitor, monitoring.Scope())
    assert (row.task_id, row.stage_name, row.last_heard) == (task_id, "PARSING", "Robot calibrated")
    task = submissions.get_task(ctx, world.student, task_id)
    assert task.current.stalled_at == clock.moment
    assert task.logs[-1].message == "Stalled: nothing heard for 6 min; the last was: Robot calibrated"
    assert task.summary.status is RUNNING


def test_the_margin_is_learned_from_how_long_the_stage_took_lately(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    run(ctx, clock, world, "slow", seconds=250)
    task_id = submitted(ctx, world, "runs")
    report(ctx, task_id, RUNNING)

    clock.advance(seconds=TIMEOUT + 249)
    assert mark(ctx) == []
    clock.advance(seconds=2)
    assert mark(ctx) == [task_id]


def test_a_line_of_the_log_is_a_sign_of_life(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    task_id = submitted(ctx, world, "runs")
    report(ctx, task_id, RUNNING)
    clock.advance(seconds=TIMEOUT)
    reports.add_task_log(ctx, ORCHESTRATOR, task_id, "still at it")
    clock.advance(seconds=TIMEOUT)

    assert mark(ctx) == []


@pytest.mark.parametrize("sign", ["line", "status", "notice"])
def test_whatever_is_heard_afterwards_ends_it(ctx: Context, clock: Clock, sign: str) -> None:
    world = builders.world(ctx)
    task_id = submitted(ctx, world, "runs")
    report(ctx, task_id, RUNNING)
    clock.advance(hours=1)
    assert mark(ctx) == [task_id]

    match sign:
        case "line":
            reports.add_task_log(ctx, ORCHESTRATOR, task_id, "still at it")
        case "status":
            report(ctx, task_id, COMPLETED)
        case _:
            reports.note_requeue(ctx, ORCHESTRATOR, task_id)

    assert submissions.get_task(ctx, world.student, task_id).current.stalled_at is None
    assert stalled.list_stalled(ctx, world.monitor, monitoring.Scope()) == []


def test_what_waits_is_not_stalled_for_want_of_nodes(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    submitted(ctx, world, "waits")
    clock.advance(days=2)

    assert mark(ctx) == []


def test_what_waits_is_stalled_when_those_that_came_later_have_long_begun(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    lost = submitted(ctx, world, "lost")
    clock.advance(seconds=10)
    later = submitted(ctx, world, "later")
    clock.advance(hours=3)
    report(ctx, later, RUNNING)
    report(ctx, later, FAILED)
    assert mark(ctx) == [], "the margin is as long as tasks waited lately"

    clock.advance(hours=3, seconds=TIMEOUT + 10)

    assert mark(ctx) == [lost]


def test_what_has_ended_or_was_never_published_is_not_stalled(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    builders.fail(ctx, ORCHESTRATOR, submitted(ctx, world, "ended"))
    builders.submit(ctx, world, key="here")
    clock.advance(days=2)

    assert mark(ctx) == []


def test_a_monitor_requeues_what_is_stalled_and_its_old_attempt_is_closed(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    task_id = submitted(ctx, world, "runs")
    report(ctx, task_id, RUNNING)
    with pytest.raises(NotRequeueable):
        requeues.requeue(ctx, world.monitor, task_id)
    clock.advance(hours=1)
    mark(ctx)

    requeues.requeue(ctx, world.monitor, task_id)

    task = submissions.get_task(ctx, world.monitor, task_id)
    assert (task.current.number, task.current.stalled_at, task.summary.status) == (2, None, PENDING)
    assert stalled.list_stalled(ctx, world.monitor, monitoring.Scope()) == []
    report_of_old = reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3}, attempt=1)
    assert report_of_old.status is PENDING


def test_it_is_requeued_by_itself_only_if_the_definition_says_so_and_up_to_the_cap(
    ctx: Context, clock: Clock
) -> None:
    ctx = builders.with_settings(ctx, ctx.settings.model_copy(update={"max_attempts": 2}))
    world = builders.world(ctx)
    definitions.update_definition(
        ctx, world.professor, world.definition_id, DefinitionChange(requeue_stalled=True), {}
    )
    task_id = submitted(ctx, world, "runs")

    attempts = []
    for _ in range(3):
        builders.carry(ctx)
        report(ctx, task_id, RUNNING)
        clock.advance(hours=1)
        mark(ctx)
        clock.advance(hours=1)
        mark(ctx)
        attempts.append(submissions.get_task(ctx, world.monitor, task_id).current.number)

    assert attempts == [2, 2, 2]
    assert submissions.get_task(ctx, world.monitor, task_id).requeue_count == 1
    with ctx.db.transaction() as session:
        assert session.scalars(text("SELECT cause FROM requeue_event")).all() == ["node_lost"]
    assert definitions.get_definition(ctx, world.professor, world.definition_id).requeue_stalled


def test_each_requeue_by_itself_waits_twice_as_long_as_the_one_before_and_a_persons_does_not(
    ctx: Context, clock: Clock
) -> None:
    ctx = builders.with_settings(ctx, ctx.settings.model_copy(update={"requeue_pause_seconds": 600}))
    world = builders.world(ctx)
    definitions.update_definition(
        ctx, world.professor, world.definition_id, DefinitionChange(requeue_stalled=True), {}
    )
    task_id = submitted(ctx, world, "runs")

    minutes = []
    for before in range(1, 5):
        builders.carry(ctx)
        report(ctx, task_id, RUNNING)
        clock.advance(hours=1)
        assert mark(ctx) == [task_id]
        minutes.append(minutes_until_requeued(ctx, clock, task_id, before))

    assert minutes == [0, 10, 20, 40]
    builders.carry(ctx)
    report(ctx, task_id, RUNNING)
    clock.advance(hours=1)
    mark(ctx)
    requeues.requeue(ctx, world.monitor, task_id)
    assert number(ctx, task_id) == 6, "nobody waits for a person's click"


def minutes_until_requeued(ctx: Context, clock: Clock, task_id: int, before: int) -> int:
    """From the mark to the attempt after `before`, while the sweep looks every minute."""
    minutes = 0
    while number(ctx, task_id) == before:
        clock.advance(minutes=1)
        mark(ctx)
        minutes += 1
    return minutes


def test_a_sign_of_life_during_the_pause_spares_the_requeue(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    definitions.update_definition(
        ctx, world.professor, world.definition_id, DefinitionChange(requeue_stalled=True), {}
    )
    task_id = submitted(ctx, world, "runs")
    for _ in range(2):
        builders.carry(ctx)
        report(ctx, task_id, RUNNING)
        clock.advance(hours=1)
        mark(ctx)
    assert number(ctx, task_id) == 2, "it waits for its second turn"

    reports.add_task_log(ctx, ORCHESTRATOR, task_id, "still at it")
    clock.advance(seconds=TIMEOUT)
    mark(ctx)

    assert number(ctx, task_id) == 2


def number(ctx: Context, task_id: int) -> int:
    """Of the attempt that counts."""
    return submissions.get_task(ctx, PLATFORM, task_id).current.number


def test_a_task_whose_report_is_being_applied_is_passed_over(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    task_id = submitted(ctx, world, "runs")
    report(ctx, task_id, RUNNING)
    clock.advance(hours=1)

    with ctx.db.transaction() as session:
        session.execute(text("SELECT 1 FROM task WHERE id = :id FOR UPDATE"), {"id": task_id})
        assert mark(ctx) == []

    assert mark(ctx) == [task_id]


def test_each_sees_the_stalled_tasks_of_the_own_courses_and_nobody_marks_by_hand(
    ctx: Context, clock: Clock
) -> None:
    world = builders.world(ctx)
    task_id = submitted(ctx, world, "runs")
    report(ctx, task_id, RUNNING)
    clock.advance(hours=1)
    mark(ctx)

    for actor in (world.student, world.stranger):
        with pytest.raises(NotAllowed):
            stalled.list_stalled(ctx, actor, monitoring.Scope())
    for actor in (world.professor, world.student, ORCHESTRATOR):
        with pytest.raises(NotAllowed):
            stalled.mark_stalled(ctx, actor)
