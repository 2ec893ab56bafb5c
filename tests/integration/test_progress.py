"""The place in the queue, and how long it may take: from samples, or nothing."""

from __future__ import annotations

import pytest

from core.context import ORCHESTRATOR, Context
from core.errors import NotFound
from core.services import progress, reports, requeues
from core.vocabulary import RequeueCause
from tests import builders
from tests.conftest import Clock

WAITS, RUNS = 10, 20
"""Seconds of each stage in the past of these tests."""


def pass_by(ctx: Context, clock: Clock, world: builders.World, key: str, *, slower: int = 0) -> None:
    """A submission that goes all the way: two stages, each waits and runs."""
    task_id = builders.submit(ctx, world, key=key).task_id
    for stage in ("PARSING", "EXECUTION"):
        clock.advance(seconds=WAITS)
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {stage: "IN_PROGRESS"})
        clock.advance(seconds=RUNS + slower)
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {stage: "COMPLETED"})


def test_nothing_is_said_with_too_few_samples(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    for number in range(progress.MINIMUM - 1):
        pass_by(ctx, clock, world, f"past{number}")

    told = progress.estimate(ctx, world.student, builders.submit(ctx, world).task_id)

    assert told is not None
    assert told.span is None
    assert not told.is_late


def test_the_range_is_what_the_stages_took_lately_less_what_has_passed(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    for number in range(progress.MINIMUM):
        pass_by(ctx, clock, world, f"past{number}", slower=number)
    task_id = builders.submit(ctx, world).task_id

    at_first = progress.estimate(ctx, world.student, task_id)
    clock.advance(seconds=5)
    later = progress.estimate(ctx, world.student, task_id)

    whole = 2 * (WAITS + RUNS)
    assert at_first is not None
    assert at_first.span is not None
    assert at_first.span.samples == progress.MINIMUM
    assert whole < at_first.span.low < at_first.span.high < whole + 2 * progress.MINIMUM
    assert later is not None
    assert later.span is not None
    assert later.span.low == pytest.approx(at_first.span.low - 5)


def test_a_stage_that_takes_longer_than_ever_has_no_estimate_and_says_so(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    for number in range(progress.MINIMUM):
        pass_by(ctx, clock, world, f"past{number}")
    task_id = builders.submit(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": "IN_PROGRESS"})
    clock.advance(seconds=RUNS + 1)

    told = progress.estimate(ctx, world.student, task_id)

    assert told == progress.Estimate(ahead=None, span=None, is_late=True)


def test_those_before_it_in_its_queue_are_counted(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    tasks = []
    for mate in builders.classmates(ctx, world, 3):
        tasks.append((mate, builders.submit(ctx, mate).task_id))
        clock.advance(seconds=1)
    builders.carry(ctx)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, tasks[0][1], {"PARSING": "IN_PROGRESS"})
    last = builders.submit(ctx, world).task_id

    ahead = [progress.estimate(ctx, mate.student, task_id) for mate, task_id in tasks]
    told = progress.estimate(ctx, world.student, last)

    assert [one.ahead if one else "ended" for one in ahead] == [None, 0, 1]
    assert told is not None
    assert told.ahead == 2


def test_what_has_ended_has_no_estimate_and_what_is_none_of_ones_own_is_not_there(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)

    assert progress.estimate(ctx, world.student, task_id) is None
    for ask in (progress.estimate, progress.list_requeues):
        with pytest.raises(NotFound):
            ask(ctx, world.stranger, task_id)


def test_each_new_beginning_is_told_with_its_cause(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    reports.note_requeue(ctx, ORCHESTRATOR, task_id)
    builders.fail(ctx, ORCHESTRATOR, task_id)
    requeues.requeue(ctx, world.monitor, task_id, note="not for students")

    told = progress.list_requeues(ctx, world.student, task_id)

    assert [(one.cause, one.attempt, one.run) for one in told] == [
        (RequeueCause.ORCHESTRATOR, 1, 2),
        (RequeueCause.MANUAL, 2, 1),
    ]
    assert "not for students" not in repr(told)
