"""Tallies of past days hold whatever happens to the rows, and a recount says so."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.context import ORCHESTRATOR, PLATFORM, Context
from core.errors import NotRequeueable
from core.services import assignments, courses, monitoring, reports, requeues, tallies, triage
from core.services.monitoring import FailureGroup, Scope
from core.vocabulary import LogLevel, Role, TimeSpan, TriageState
from tests import builders
from tests.conftest import Clock

ROOT = Path(__file__).resolve().parents[2]
MARKED = "0 days have changed and are read from the rows until counted again\n"
BEGUN = Clock().moment

WHAT = ["submit", "fail", "report", "late", "notice", "requeue", "judge", "delete", "count", "wait", "week"]

STEPS = st.lists(
    st.tuples(
        st.sampled_from([*WHAT, "submit", "fail", "fail", "report"]),
        st.integers(0, 9),
        st.sampled_from(["PARSING", "EXECUTION"]),
        st.sampled_from([2, 3, 4]),
    ),
    min_size=5,
    max_size=30,
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
        self.students = [self.world.student, builders.person(self.ctx, "second")]
        courses.enrol(self.ctx, PLATFORM, self.world.course_id, self.students[1].user_id or 0, Role.STUDENT)

    def step(self, what: str, number: int, stage: str, status: int) -> None:
        if what == "submit" or not self.tasks:
            self.made += 1
            world = replace(self.world, student=self.students[number % 2])
            self.tasks.append(builders.submit(self.ctx, world, key=f"key {self.made}").task_id)
        elif what == "judge":
            self.judge(TriageState.HANDLED if number % 2 else TriageState.ACKNOWLEDGED)
        elif what in ("count", "week"):
            self.clock.advance(days=8 if what == "week" else 0)
            tallies.count_days(self.ctx, PLATFORM)
        elif what == "wait":
            self.clock.advance(hours=5 * number)
        else:
            self.say(what, self.tasks[number % len(self.tasks)], stage, status)

    def say(self, what: str, task: int, stage: str, status: int) -> None:
        if what == "report":
            reports.set_stage_statuses(self.ctx, ORCHESTRATOR, task, {stage: status})
        elif what == "fail":
            cause = "AB"[task % 2]
            reports.add_task_log(self.ctx, ORCHESTRATOR, task, cause, stage=stage, level=LogLevel.ERROR)
            reports.set_stage_statuses(self.ctx, ORCHESTRATOR, task, {stage: 4})
        elif what == "late":
            reports.set_stage_statuses(self.ctx, ORCHESTRATOR, task, {stage: status}, attempt=1)
        elif what == "notice":
            reports.note_requeue(self.ctx, ORCHESTRATOR, task)
        elif what == "requeue":
            self.requeue(task)
        else:
            self.tasks.remove(task)
            with self.ctx.db.transaction() as session:
                session.execute(text("DELETE FROM task WHERE id = :id"), {"id": task})

    def judge(self, state: TriageState) -> None:
        for group in monitoring.group_failures(self.ctx, PLATFORM, Scope()).groups[:1]:
            triage.set_state(self.ctx, self.world.monitor, self.world.course_id, group.id, state, note="Seen")

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
        monitoring.group_failures(ctx, PLATFORM, scope),
        [
            (row.stage_name, row.waited.samples, row.ran.samples)
            for row in monitoring.measure_latency(ctx, PLATFORM, scope)
        ],
    ]


def forget(ctx: Context) -> None:
    with ctx.db.transaction() as session:
        for table in (
            "tally",
            "tally_mark",
            "tally_day",
            "failure_tally",
            "failure_week_mark",
            "failure_week",
        ):
            session.execute(text(f"DELETE FROM {table}"))


def scopes(past: Past, begun: datetime) -> list[Scope]:
    cut, day = begun + timedelta(hours=7), begun + timedelta(days=3, minutes=11)
    course, definition = past.world.course_id, past.world.definition_id
    return [
        Scope(),
        Scope(since=cut, until=day),
        Scope(since=day),
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


def failed_weeks(ctx: Context, clock: Clock, world: builders.World) -> list[int]:
    """A student who fails of one cause in each of three weeks, which are over and counted."""
    failed: list[int] = []
    for number in range(3):
        task = builders.submit(ctx, world, key=f"week {number}").task_id
        builders.fail(ctx, ORCHESTRATOR, task)
        failed.append(task)
        clock.advance(days=7)
    clock.advance(days=7)
    tallies.count_days(ctx, PLATFORM)
    return failed


def failures(ctx: Context) -> FailureGroup:
    (group,) = monitoring.group_failures(ctx, PLATFORM, Scope()).groups
    return group


def marked_weeks(ctx: Context) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(text("SELECT count(DISTINCT week) FROM failure_week_mark")) or 0


def test_causes_of_past_weeks_are_read_from_their_tally(
    ctx: Context, clock: Clock, open_world: builders.World
) -> None:
    failed_weeks(ctx, clock, open_world)
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE failure_tally SET failures = 1000"))

    assert failures(ctx).count == 3000
    assert failures(ctx).students == 1


def test_a_new_failure_marks_only_the_week_of_the_one_before(
    ctx: Context, clock: Clock, open_world: builders.World
) -> None:
    failed_weeks(ctx, clock, open_world)

    builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, open_world, key="new").task_id)

    assert marked_weeks(ctx) == 1
    assert (failures(ctx).count, failures(ctx).students) == (4, 1)


def test_a_requeue_of_the_latest_failure_counts_the_student_at_the_one_before(
    ctx: Context, clock: Clock, open_world: builders.World
) -> None:
    *_, latest = failed_weeks(ctx, clock, open_world)

    requeues.requeue(ctx, open_world.monitor, latest)

    assert marked_weeks(ctx) == 2
    assert (failures(ctx).count, failures(ctx).students) == (2, 1)


def test_a_pass_closes_the_failures_of_past_weeks(
    ctx: Context, clock: Clock, open_world: builders.World
) -> None:
    failed_weeks(ctx, clock, open_world)
    task = builders.submit(ctx, open_world, key="good").task_id

    reports.set_stage_statuses(ctx, ORCHESTRATOR, task, {"PARSING": 3, "EXECUTION": 3})

    assert failures(ctx).open == 0
    tallies.count_days(ctx, PLATFORM)
    assert (failures(ctx).open, marked_weeks(ctx)) == (0, 0)


def test_what_people_say_of_a_cause_holds_for_past_weeks(
    ctx: Context, clock: Clock, open_world: builders.World
) -> None:
    failed_weeks(ctx, clock, open_world)
    key = failures(ctx).id

    triage.set_state(
        ctx, open_world.monitor, open_world.course_id, key, TriageState.HANDLED, note="New image"
    )
    tallies.count_days(ctx, PLATFORM)

    assert (failures(ctx).state, failures(ctx).note, marked_weeks(ctx)) == (
        TriageState.HANDLED,
        "New image",
        0,
    )


def test_a_deleted_assignment_leaves_no_cause_of_past_weeks(
    ctx: Context, clock: Clock, open_world: builders.World
) -> None:
    failed_weeks(ctx, clock, open_world)

    assignments.delete_assignment(ctx, open_world.professor, open_world.assignment_id, force=True)

    assert monitoring.group_failures(ctx, PLATFORM, Scope()).groups == ()


def test_a_recount_finds_and_mends_a_wrong_cause(
    ctx: Context, clock: Clock, open_world: builders.World
) -> None:
    failed_weeks(ctx, clock, open_world)
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE failure_tally SET students = 7 WHERE students = 1"))

    (wrong,) = tallies.recount(ctx, PLATFORM, repair=True).differences

    assert (wrong.kind, wrong.tallied, wrong.counted) == ("failures", 7, 1)
    assert tallies.recount(ctx, PLATFORM).differences == ()
    assert failures(ctx).students == 1


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
