"""Tallies of past days hold whatever happens to the rows, and a recount says so."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import builders
import pytest
from conftest import Clock
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.context import ORCHESTRATOR, PLATFORM, Context
from core.errors import NotRequeueable
from core.services import assignments, monitoring, reports, requeues, tallies
from core.services.monitoring import Scope
from core.vocabulary import TimeSpan

ROOT = Path(__file__).resolve().parents[2]
MARKED = "0 days have changed and are read from the rows until counted again\n"
BEGUN = Clock().moment

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["submit", "report", "report", "report", "late", "notice", "requeue", "delete", "count", "wait"]
        ),
        st.integers(0, 9),
        st.sampled_from(["PARSING", "EXECUTION"]),
        st.sampled_from([2, 3, 4]),
    ),
    min_size=5,
    max_size=25,
)


@dataclass
class Past:
    """Some days of one assignment, step by step."""

    ctx: Context
    clock: Clock
    world: builders.World

    def __post_init__(self) -> None:
        self.tasks: list[int] = []
        self.made = 0

    def step(self, what: str, number: int, stage: str, status: int) -> None:
        if what == "submit" or not self.tasks:
            self.made += 1
            self.tasks.append(builders.submit(self.ctx, self.world, key=f"key {self.made}").task_id)
            return
        task = self.tasks[number % len(self.tasks)]
        if what == "report":
            reports.set_stage_statuses(self.ctx, ORCHESTRATOR, task, {stage: status})
        elif what == "late":
            reports.set_stage_statuses(self.ctx, ORCHESTRATOR, task, {stage: status}, attempt=1)
        elif what == "notice":
            reports.note_requeue(self.ctx, ORCHESTRATOR, task)
        elif what == "requeue":
            self.requeue(task)
        elif what == "delete":
            self.tasks.remove(task)
            with self.ctx.db.transaction() as session:
                session.execute(text("DELETE FROM task WHERE id = :id"), {"id": task})
        elif what == "count":
            tallies.count_days(self.ctx, PLATFORM)
        else:
            self.clock.advance(hours=5 * number)

    def requeue(self, task: int) -> None:
        try:
            requeues.requeue(self.ctx, self.world.monitor, task)
        except NotRequeueable:
            return


def figures(ctx: Context, scope: Scope) -> list[object]:
    """Everything that is read from tallies where there are any."""
    return [
        monitoring.summarise(ctx, PLATFORM, scope),
        monitoring.count_by_stage(ctx, PLATFORM, scope),
        monitoring.count_by_hour(ctx, PLATFORM, scope),
        monitoring.count_by_hour(ctx, PLATFORM, scope, span=TimeSpan.DAY, zone="America/Bogota"),
        monitoring.count_verdicts(ctx, PLATFORM, scope),
        monitoring.sum_requeues(ctx, PLATFORM, scope),
        monitoring.count_requeues_by_definition(ctx, PLATFORM, scope),
        [
            (row.stage_name, row.waited.samples, row.ran.samples)
            for row in monitoring.measure_latency(ctx, PLATFORM, scope)
        ],
    ]


def forget(ctx: Context) -> None:
    with ctx.db.transaction() as session:
        for table in ("tally", "tally_mark", "tally_day"):
            session.execute(text(f"DELETE FROM {table}"))


def scopes(past: Past, begun: datetime) -> list[Scope]:
    cut, day = begun + timedelta(hours=7), begun + timedelta(days=3, minutes=11)
    course, definition = past.world.course_id, past.world.definition_id
    return [
        Scope(),
        Scope(since=cut, until=day),
        Scope(stage="PARSING", since=cut),
        Scope(course_id=course, until=day),
        Scope(definition_id=definition, since=cut),
        Scope(assignment_id=past.world.assignment_id),
    ]


@pytest.fixture
def open_world(ctx: Context) -> builders.World:
    world = builders.world(ctx)
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE assignment SET assignment_end_date = now() + interval '100 years'"))
    return world


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.generate),
)
@given(steps=STEPS)
def test_figures_from_tallies_equal_those_from_rows_whatever_happened(
    ctx: Context, clock: Clock, open_world: builders.World, steps: list[tuple[str, int, str, int]]
) -> None:
    with ctx.db.transaction() as session:
        session.execute(text("DELETE FROM task"))
    forget(ctx)
    clock.moment = begun = BEGUN
    past = Past(ctx, clock, open_world)
    for step in steps:
        past.step(*step)

    from_tallies = [figures(ctx, scope) for scope in scopes(past, begun)]
    found = tallies.recount(ctx, PLATFORM)
    forget(ctx)

    assert found.differences == ()
    assert [figures(ctx, scope) for scope in scopes(past, begun)] == from_tallies


def past_days(ctx: Context, clock: Clock) -> Past:
    """Two tasks that passed, on a day that is over and counted."""
    past = Past(ctx, clock, builders.world(ctx))
    for _ in range(2):
        past.step("submit", 0, "", 0)
    for task in past.tasks:
        clock.advance(minutes=3)
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task, {"PARSING": 2})
        clock.advance(minutes=1)
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task, {"PARSING": 3, "EXECUTION": 3})
    clock.advance(days=2)
    assert tallies.count_days(ctx, PLATFORM) > 0
    return past


def marked_days(ctx: Context) -> int:
    return tallies.recount(ctx, PLATFORM).marked


def test_a_counted_day_is_read_from_its_tally_until_something_of_it_changes(
    ctx: Context, clock: Clock
) -> None:
    past = past_days(ctx, clock)
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE tally SET count = 1000 WHERE kind = 'submitted'"))
    assert monitoring.summarise(ctx, PLATFORM, Scope()).completed == 1000

    reports.note_requeue(ctx, ORCHESTRATOR, past.tasks[0])
    with ctx.db.transaction() as session:
        session.execute(text("DELETE FROM task WHERE id = :id"), {"id": past.tasks[0]})

    assert monitoring.summarise(ctx, PLATFORM, Scope()).completed == 1
    assert marked_days(ctx) == 1
    tallies.count_days(ctx, PLATFORM)
    assert marked_days(ctx) == 0
    assert monitoring.summarise(ctx, PLATFORM, Scope()).completed == 1


def test_what_happens_today_marks_no_day(ctx: Context, clock: Clock) -> None:
    past = past_days(ctx, clock)

    builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, past.world, key="today").task_id)

    assert marked_days(ctx) == 0
    assert monitoring.summarise(ctx, PLATFORM, Scope()).failed == 1


def test_a_deleted_assignment_leaves_nothing_in_the_figures(ctx: Context, clock: Clock) -> None:
    past = past_days(ctx, clock)

    assignments.delete_assignment(ctx, past.world.professor, past.world.assignment_id, force=True)

    assert monitoring.count_verdicts(ctx, PLATFORM, Scope()).ended == 0
    tallies.count_days(ctx, PLATFORM)
    assert monitoring.count_verdicts(ctx, PLATFORM, Scope()).ended == 0
    assert tallies.recount(ctx, PLATFORM).differences == ()


@pytest.mark.parametrize("damage", ["UPDATE tally SET count = count + 1", "DELETE FROM tally"])
def test_a_recount_finds_and_mends_what_is_wrong(ctx: Context, clock: Clock, damage: str) -> None:
    past_days(ctx, clock)
    with ctx.db.transaction() as session:
        session.execute(text(f"{damage} WHERE kind = 'ended' AND course_id = 0"))

    (wrong,) = tallies.recount(ctx, PLATFORM, repair=True).differences

    assert (wrong.kind, wrong.detail, wrong.counted) == ("ended", "completed", 2)
    assert tallies.recount(ctx, PLATFORM).differences == ()
    assert monitoring.count_verdicts(ctx, PLATFORM, Scope()).ended == 2


def test_percentiles_from_bins_are_off_by_two_percent_at_most(ctx: Context, clock: Clock) -> None:
    past_days(ctx, clock)
    exact = monitoring.measure_latency(ctx, PLATFORM, Scope(definition_id=1))
    binned = monitoring.measure_latency(ctx, PLATFORM, Scope())
    (day,) = {point.at for point in monitoring.trace_latency(ctx, PLATFORM, Scope(), TimeSpan.DAY)}

    assert exact[0].ran.p50 == 60
    assert binned[0].ran.p50 == pytest.approx(60, rel=0.02)
    assert binned[0].ran.samples == exact[0].ran.samples == 2
    assert day.hour == 0


def test_the_command_prints_what_differs_and_its_exit_code_says_so(ctx: Context, clock: Clock) -> None:
    past_days(ctx, clock)

    def run(*options: str) -> tuple[int, str]:
        env = os.environ | {
            "ULOS_DATABASE_URL": ctx.db.url.render_as_string(hide_password=False),
            "ULOS_FTP_URL": "ftp://nobody:none@127.0.0.1/none",
            "ULOS_SECRET_KEY": "s" * 40,
            "ULOS_CALLBACK_TOKEN": "c" * 40,
        }
        command = [sys.executable, "-m", "core", "recount", *options]
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert run() == (0, "2 days compared, 0 numbers differ\n" + MARKED)
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE tally SET count = 7 WHERE kind = 'requeued' OR kind = 'ended'"))

    code, printed = run("--repair")

    assert code == 1
    assert "ended completed course 0 definition 0 stage 0: tallied 7, counted 2" in printed
    assert run()[0] == 0
