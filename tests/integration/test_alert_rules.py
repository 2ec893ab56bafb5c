"""What each rule takes for trouble."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.context import ORCHESTRATOR, PLATFORM, Context
from core.errors import (
    StorageUnavailable,
)
from core.relay import copy_next
from core.services import alerts, reports
from core.services.alerts import Reading, Rule, judge
from core.storage import open_storage
from core.vocabulary import AlertKind
from tests import builders
from tests.alert_worlds import only, open_ones, rule
from tests.conftest import Clock


def judged(failed: int, ended: int, usual: tuple[int, int]) -> Reading:
    return judge(Rule(1, 1, AlertKind.FAILURES, True, 2.0, 20, 0, 0), (failed, ended), usual)


def test_a_course_that_always_fails_forty_percent_is_left_in_peace() -> None:
    assert not judged(16, 40, (400, 1000)).holds
    assert not judged(20, 40, (400, 1000)).holds
    assert judged(33, 40, (400, 1000)).holds


@pytest.mark.parametrize(
    ("failed", "ended", "usual", "holds"),
    [
        (12, 40, (50, 1000), True),
        (4, 40, (50, 1000), False),
        (19, 19, (50, 1000), False),
        (40, 40, (5, 10), False),
        (40, 40, (900, 1000), True),
        (37, 40, (900, 1000), False),
        (2, 20, (0, 1000), True),
    ],
)
def test_failures_are_held_against_the_usual_and_against_chance(
    failed: int, ended: int, usual: tuple[int, int], holds: bool
) -> None:
    assert judged(failed, ended, usual).holds is holds


def test_the_ratio_is_counted_from_rows_and_its_past_excludes_the_last_hour(
    ctx: Context, clock: Clock
) -> None:
    world = builders.world(ctx)
    kept = only(ctx, AlertKind.FAILURES, world.course_id)
    alerts.change_rule(ctx, world.professor, kept.id, is_on=True, threshold=2, least=4)

    def hand_in(count: int, failing: int, name: str) -> None:
        for number in range(count):
            task = builders.submit(ctx, world, key=f"{name}{number}").task_id
            if number < failing:
                builders.fail(ctx, ORCHESTRATOR, task)
            else:
                done = {"PARSING": "COMPLETED", "EXECUTION": "COMPLETED"}
                reports.set_stage_statuses(ctx, ORCHESTRATOR, task, done)

    hand_in(10, 1, "past")
    clock.advance(hours=3)
    hand_in(5, 0, "now")
    alerts.evaluate(ctx, PLATFORM)
    quiet = open_ones(ctx)
    hand_in(7, 7, "red")
    alerts.evaluate(ctx, PLATFORM)

    assert quiet == []
    assert open_ones(ctx) == [(AlertKind.FAILURES, world.course_id, "")]
    seen = rule(ctx, world.course_id, AlertKind.FAILURES)
    assert (seen.usual_failed, seen.usual_ended) == (1, 10)


def test_silence_is_worth_a_word_only_while_something_runs(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    only(ctx, AlertKind.SILENCE, world.course_id)
    task = builders.submit(ctx, world).task_id
    clock.advance(hours=2)
    alerts.evaluate(ctx, PLATFORM)
    while_waiting = open_ones(ctx)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task, {"PARSING": "IN_PROGRESS"})
    clock.advance(minutes=29)
    alerts.evaluate(ctx, PLATFORM)
    reports.add_task_log(ctx, ORCHESTRATOR, task, "still here", stage="PARSING")
    clock.advance(minutes=29)
    alerts.evaluate(ctx, PLATFORM)
    after_a_word = open_ones(ctx)
    clock.advance(minutes=2)
    alerts.evaluate(ctx, PLATFORM)

    assert (while_waiting, after_a_word) == ([], [])
    assert open_ones(ctx) == [(AlertKind.SILENCE, world.course_id, "")]


def test_a_queue_that_nobody_takes_from_is_told_after_its_minutes(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    only(ctx, AlertKind.NO_CONSUMER, None)
    builders.submit(ctx, world)
    builders.carry(ctx)

    alerts.evaluate(ctx, PLATFORM)
    at_first = open_ones(ctx)
    clock.advance(minutes=2)
    alerts.evaluate(ctx, PLATFORM)

    assert at_first == []
    assert open_ones(ctx) == [(AlertKind.NO_CONSUMER, None, "ulos")]


def test_a_file_server_that_is_gone_is_told_by_itself_and_by_what_it_keeps_waiting(
    ctx: Context, clock: Clock
) -> None:
    world = builders.world(ctx)
    nowhere = ctx.settings.model_copy(update={"ftp_url": SecretStr("ftp://u:p@127.0.0.1:1/x")})
    down = replace(ctx, settings=nowhere, storage=open_storage(nowhere))
    builders.submit(ctx, world)
    with pytest.raises(StorageUnavailable):
        copy_next(down)
    for minutes in (0, 3, 8):
        clock.advance(minutes=minutes)
        alerts.evaluate(down, PLATFORM)

    found = {(kind, subject) for kind, course, subject in open_ones(ctx) if course is None}
    assert {(AlertKind.UNREACHABLE, "files"), (AlertKind.WRITES, "")} <= found


def test_the_disk_of_the_embedded_file_server_is_watched(ctx: Context, tmp_path: Path) -> None:
    own = builders.with_settings(
        ctx, ctx.settings.model_copy(update={"ftp_url": SecretStr(""), "data_dir": tmp_path})
    )
    kept = only(own, AlertKind.DISK, None)

    alerts.change_rule(own, PLATFORM, kept.id, is_on=True, threshold=90)
    alerts.evaluate(ctx, PLATFORM)
    of_a_server_elsewhere = open_ones(ctx)
    alerts.evaluate(own, PLATFORM)

    assert of_a_server_elsewhere == []
    (incident,) = alerts.list_incidents(own, PLATFORM, is_open=True)
    assert incident.kind is AlertKind.DISK
    assert 0 < incident.value < 90
