"""Every figure equals a naive recount over random histories."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from api.app import create_app
from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.models import Assignment
from core.services import (
    accounts,
    assignments,
    courses,
    monitoring,
    reports,
    requeues,
    statistics,
    submissions,
)
from core.services.assignments import AssignmentDraft
from core.services.monitoring import Scope
from core.services.submissions import TaskView
from core.vocabulary import LogLevel, Role, StageStatus
from core.wire.reports import read_report
from tests import builders
from tests.conftest import Clock

CAUSES = (
    "Line {number}: unknown command 'M{number}'",
    "Timeout after {number}.5 s at 2026-03-{day:02}T10:00:{day:02}Z",
    "No such file: /srv/jobs/{number}/main.gcode",
    "Container {hex} was killed",
)


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx)) as made:
        yield made


def signed_in(ctx: Context, actor: Actor) -> dict[str, str]:
    token = accounts.issue_api_token(ctx, actor.user_id or 0)
    return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}


def message(dice: random.Random, cause: int) -> str:
    return CAUSES[cause].format(
        number=dice.randrange(10_000), day=dice.randrange(1, 29), hex=f"a1{dice.randrange(2**60):014x}"
    )


class History:
    """A random past of two assignments, made by the use cases, and what became of each task."""

    def __init__(self, ctx: Context, clock: Clock, seed: int) -> None:
        self.ctx, self.clock, self.dice = ctx, clock, random.Random(seed)  # noqa: S311  a past that can be repeated
        self.world = builders.world(ctx)
        moment = clock()
        draft = AssignmentDraft(
            "Second", self.world.definition_id, moment, moment + timedelta(days=9), "other"
        )
        second = assignments.create_assignment(ctx, self.world.professor, self.world.course_id, draft).id
        self.assignments = (self.world.assignment_id, second)
        self.students = [self.world.student, *(self.enrol(name) for name in ("ana", "ben", "eva"))]
        self.tasks: list[int] = []
        self.events: list[tuple[datetime, str, str, int]] = []

    def enrol(self, name: str) -> Actor:
        actor = builders.person(self.ctx, name)
        courses.enrol(self.ctx, PLATFORM, self.world.course_id, actor.user_id or 0, Role.STUDENT)
        return actor

    def play(self, steps: int) -> None:
        for number in range(steps):
            self.clock.advance(minutes=self.dice.randrange(90))
            if not self.tasks or self.dice.random() < 0.3:
                self.submit(number)
            else:
                self.say(self.dice.choice(self.tasks))

    def submit(self, number: int) -> None:
        place = builders.World(
            **(
                vars(self.world)
                | {
                    "student": self.dice.choice(self.students),
                    "assignment_id": self.dice.choice(self.assignments),
                }
            )
        )
        self.tasks.append(builders.submit(self.ctx, place, key=f"key {number}").task_id)

    def say(self, task_id: int) -> None:
        stage = self.dice.choice(("PARSING", "EXECUTION"))
        action = self.dice.random()
        if action < 0.15:
            self.requeue(task_id)
            return
        if action < 0.5:
            cause = self.dice.randrange(len(CAUSES))
            text = message(self.dice, cause)
            reports.add_task_log(self.ctx, ORCHESTRATOR, task_id, text, stage=stage, level=LogLevel.ERROR)
            reports.set_stage_statuses(self.ctx, ORCHESTRATOR, task_id, {stage: 4})
        else:
            reports.set_stage_statuses(self.ctx, ORCHESTRATOR, task_id, {stage: self.dice.choice((2, 3))})

    def requeue(self, task_id: int) -> None:
        task = self.view(task_id)
        unfinished = [s.stage_name for s in task.current.stages if s.status is not StageStatus.COMPLETED]
        if task.summary.status is StageStatus.FAILED and self.dice.random() < 0.5:
            requeues.requeue(self.ctx, self.world.monitor, task_id)
            failed = [s.stage_name for s in task.current.stages if s.status is StageStatus.FAILED]
            self.events.append((self.clock(), "manual", failed[0], task_id))
        else:
            reports.note_requeue(self.ctx, ORCHESTRATOR, task_id)
            self.events.append(
                (self.clock(), "orchestrator", unfinished[0] if unfinished else "none", task_id)
            )

    def view(self, task_id: int) -> TaskView:
        return submissions.get_task(self.ctx, self.world.monitor, task_id)

    def views(
        self, assignment_id: int | None, since: datetime | None, until: datetime | None
    ) -> list[TaskView]:
        return [
            task
            for task in map(self.view, self.tasks)
            if assignment_id in (None, task.summary.assignment_id)
            and (since is None or since <= task.summary.created_at)
            and (until is None or task.summary.created_at < until)
        ]


def state(task: TaskView) -> str:
    if task.summary.status in (StageStatus.COMPLETED, StageStatus.FAILED):
        return task.summary.status.name.lower()
    running = any(stage.status is StageStatus.IN_PROGRESS for stage in task.current.stages)
    return "running" if running else "waiting"


def stage_state(task: TaskView, name: str) -> str:
    stage = next(stage for stage in task.current.stages if stage.stage_name == name)
    if stage.status in (StageStatus.COMPLETED, StageStatus.FAILED):
        return stage.status.name.lower()
    if state(task) not in ("waiting", "running"):
        return "not run"
    if stage.status is StageStatus.IN_PROGRESS:
        return "running"
    return "waiting" if stage.queued_at else "later"


def cause_of(reason: str | None) -> int | None:
    starts = ("Line", "Timeout", "No such", "Container")
    return next((number for number, start in enumerate(starts) if (reason or "").startswith(start)), None)


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("seed", range(3))
def test_every_number_equals_a_recount(ctx: Context, clock: Clock, client: TestClient, seed: int) -> None:
    history = History(ctx, clock, seed)
    begun = clock()
    history.play(90)
    middle = begun + (clock() - begun) / 2
    headers = signed_in(ctx, history.world.monitor)

    for assignment_id, (since, until) in itertools.product(
        (None, *history.assignments), ((None, None), (middle, None), (None, middle))
    ):
        scope = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in (("assignment_id", assignment_id), ("since", since), ("until", until))
            if value is not None
        }
        tasks = history.views(assignment_id, since, until)

        def figures(name: str, scope: dict[str, Any] = scope, **more: str) -> dict[str, Any]:
            answer = client.get(f"/monitoring/{name}", params=scope | more, headers=headers)
            assert answer.status_code == 200
            return dict(answer.json())

        counts = Counter(map(state, tasks))
        summary = figures("summary")
        for name in ("waiting", "running", "completed", "failed"):
            assert summary[name] == counts[name]
            for stage in ("PARSING", "EXECUTION"):
                expected = Counter(stage_state(task, stage) for task in tasks)[name]
                assert figures("summary", stage=stage)[name] == expected
        waiting = [
            stage.queued_at
            for task in tasks
            if state(task) == "waiting"
            for stage in task.current.stages
            if stage.status is StageStatus.PENDING and stage.queued_at
        ]
        oldest = (clock() - min(waiting)).total_seconds() if waiting else None
        queue = figures("queue")
        assert summary["oldest_waiting_seconds"] == queue["oldest_waiting_seconds"] == oldest
        assert (queue["waiting"], queue["running"]) == (counts["waiting"], counts["running"])

        check_requeues(
            history, figures("requeues"), summary, assignment_id=assignment_id, since=since, until=until
        )
        check_failures(figures("failures"), summary, tasks)


def check_requeues(
    history: History,
    answer: dict[str, Any],
    summary: dict[str, Any],
    *,
    assignment_id: int | None,
    since: datetime | None,
    until: datetime | None,
) -> None:
    own = {task.summary.id for task in history.views(assignment_id, None, None)}
    events = [
        event
        for event in history.events
        if event[3] in own and (since is None or since <= event[0]) and (until is None or event[0] < until)
    ]
    hours = Counter(hour_of(event[0]) for event in events)
    assert answer["total"] == summary["requeues"] == len(events)
    assert answer["by_cause"] == Counter(event[1] for event in events)
    assert answer["by_stage"] == Counter(event[2] for event in events)
    assert [(datetime.fromisoformat(row["hour"]), row["count"]) for row in answer["by_hour"]] == sorted(
        hours.items()
    )


def check_failures(answer: dict[str, Any], summary: dict[str, Any], tasks: list[TaskView]) -> None:
    failed = [
        (cause_of(stage.reason), task.summary.student_id, stage.ended_at)
        for task in tasks
        for stage in task.current.stages
        if stage.status is StageStatus.FAILED
        and stage is next(s for s in task.current.stages if s.status is StageStatus.FAILED)
    ]
    assert answer["total"] == summary["failed"] == len(failed)
    assert sorted(
        (
            cause_of(group["message"]),
            group["count"],
            group["students"],
            datetime.fromisoformat(group["first_seen"]),
            datetime.fromisoformat(group["last_seen"]),
        )
        for group in answer["groups"]
    ) == sorted(
        (
            cause,
            len(rows := [row for row in failed if row[0] == cause]),
            len({row[1] for row in rows}),
            min(row[2] for row in rows if row[2]),
            max(row[2] for row in rows if row[2]),
        )
        for cause in {row[0] for row in failed}
    )


def test_the_statistics_of_an_assignment_equal_a_recount(
    ctx: Context, clock: Clock, client: TestClient
) -> None:
    history = History(ctx, clock, 7)
    history.play(90)
    assignment_id = history.assignments[0]
    tasks = history.views(assignment_id, None, None)

    answer = client.get(
        f"/assignments/{assignment_id}/statistics", headers=signed_in(ctx, history.world.professor)
    ).json()

    latest = {task.summary.student_id: task for task in tasks}
    often = Counter(task.summary.student_id for task in tasks)
    ended = sorted(
        (task.current.ended_at - task.summary.created_at).total_seconds()
        for task in tasks
        if task.current.ended_at
    )
    assert answer["summary"]["failed"] == Counter(map(state, tasks))["failed"]
    assert (answer["funnel"]["enrolled"], answer["funnel"]["submitted"]) == (4, len(latest))
    assert {row["stage_name"]: row["students"] for row in answer["funnel"]["passed"]} == {
        stage: sum(stage_state(task, stage) == "completed" for task in latest.values())
        for stage in ("PARSING", "EXECUTION")
    }
    assert {row["submissions"]: row["students"] for row in answer["submissions_per_student"]} == Counter(
        often[student.user_id or 0] for student in history.students
    )
    assert answer["feedback"]["samples"] == len(ended)
    assert answer["feedback"]["p50"] == pytest.approx(
        (ended[(len(ended) - 1) // 2] + ended[len(ended) // 2]) / 2
    )
    assert sum(row["submitted"] for row in answer["hours"]) == len(tasks)
    assert answer["failures"]["total"] == answer["summary"]["failed"]
    assert [row["student_id"] for row in answer["not_submitted"]] == sorted(
        student.user_id or 0 for student in history.students if student.user_id not in latest
    )
    assert [row["stage_name"] for row in answer["stages"]] == ["PARSING", "EXECUTION"]
    for row in answer["stages"]:
        counts = Counter(stage_state(task, row["stage_name"]) for task in tasks)
        assert {name: row[name] for name in ("waiting", "running", "completed", "failed")} == {
            name: counts[name] for name in ("waiting", "running", "completed", "failed")
        }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Line 3: unknown command", "line 1,024: unknown command"),
        ("No such file: /tmp/a/b.txt", "No such file: /srv/x.gcode"),
        (r"No such file: C:\Users\ana\a.txt", r"No such file: D:\b.txt"),
        ("at 2026-03-02T10:00:00Z", "at 2026-11-30 09:12:44.123+00:00"),
        ("job 3f2b8c1e-0d4a-4b7e-9a55-0123456789ab died", "job 00000000-1111-2222-3333-444444444444 died"),
        ("container a1b2c3d4e5f6 exited", "container 0123456789abcdef0123 exited"),
        ("mail to ana@uniandes.edu.co", "mail to b.c@example.org"),
        ("GET https://a.org/x?y=1 failed", "GET http://b.org failed"),
        ("two\n  words", " two words "),
        ("", None),
    ],
)
def test_what_differs_between_two_failures_of_one_cause_is_folded(
    ctx: Context, one: str, other: str | None
) -> None:
    assert key(ctx, one) == key(ctx, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("unknown command", "unknown option"),
        ("Timeout in PARSING", "Timeout in EXECUTION"),
        ("and/or", "either/or"),
        ("facade", "decade"),
    ],
)
def test_other_words_are_another_cause(ctx: Context, one: str, other: str) -> None:
    assert key(ctx, one) != key(ctx, other)


def key(ctx: Context, reason: str | None) -> str:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.failure_key(reason))) or ""


def test_a_group_keeps_its_id_as_more_of_it_comes(ctx: Context) -> None:
    world = builders.world(ctx)

    def group() -> monitoring.FailureGroup:
        return monitoring.group_failures(ctx, world.monitor, Scope()).groups[0]

    builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, world, key="1").task_id, "Line 9: unknown command")
    first = group()
    builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, world, key="2").task_id, "Line 10: unknown command")

    assert (group().id, group().message, group().count) == (first.id, "Line <n>: unknown command", 2)
    assert len(monitoring.list_failures(ctx, world.monitor, Scope(), group_id=first.id)) == 2
    assert monitoring.list_failures(ctx, world.monitor, Scope(), group_id="other") == []


def test_figures_are_for_those_who_teach(ctx: Context, client: TestClient) -> None:
    world = builders.world(ctx)
    paths = [
        *(f"/monitoring/{name}" for name in ("summary", "requeues", "failures", "queue")),
        f"/assignments/{world.assignment_id}/statistics",
    ]

    statuses = {
        name: [client.get(path, headers=signed_in(ctx, actor)).status_code for path in paths]
        for name, actor in (
            ("professor", world.professor),
            ("monitor", world.monitor),
            ("student", world.student),
            ("stranger", world.stranger),
        )
    }

    assert statuses["professor"] == statuses["monitor"] == [200] * 5
    assert statuses["student"] == [403] * 4 + [403]
    assert statuses["stranger"] == [403] * 4 + [404]
    assert [client.get(path).status_code for path in paths] == [401] * 5
    foreign = client.get(
        "/monitoring/summary",
        params={"assignment_id": 999_999},
        headers=signed_in(ctx, world.monitor),
    )
    assert foreign.status_code == 404


def test_prometheus_reads_the_counts(ctx: Context, client: TestClient) -> None:
    world = builders.world(ctx)
    builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, world, key="1").task_id)
    reports.note_requeue(ctx, ORCHESTRATOR, builders.submit(ctx, world, key="2").task_id)

    text = client.get("/metrics").text

    assert 'ulos_tasks{state="failed"} 1.0' in text
    assert 'ulos_tasks{state="waiting"} 1.0' in text
    assert 'ulos_stage_tasks{stage="PARSING",state="failed"} 1.0' in text
    assert 'ulos_requeues_total{cause="orchestrator"} 1.0' in text
    assert "student@" not in text


def test_a_stage_that_still_moves_in_a_failed_task_neither_runs_nor_waits(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"EXECUTION": 2, "PARSING": 4})

    summary = monitoring.summarise(ctx, world.monitor, Scope())
    stages = monitoring.count_by_stage(ctx, world.monitor, Scope())

    assert (summary.waiting, summary.running, summary.failed) == (0, 0, 1)
    assert [(row.waiting, row.running) for row in stages] == [(0, 0), (0, 0)]


def test_the_queue_names_each_report_that_could_not_be_applied(ctx: Context, client: TestClient) -> None:
    builders.world(ctx)
    admin = builders.person(ctx, "admin", is_admin=True)
    said = read_report(b"\x00 no report at all", "task.log")
    reports.apply_reports(ctx, ORCHESTRATOR, [said])

    answer = client.get("/monitoring/queue", headers=signed_in(ctx, admin)).json()

    assert answer["parked_count"] == 1
    assert [(parked["reason"], parked["routing_key"]) for parked in answer["parked"]] == [
        ("unreadable", "task.log")
    ]


@pytest.mark.parametrize("seed", range(3))
def test_who_is_missing_and_who_is_at_risk_equal_a_recount(ctx: Context, clock: Clock, seed: int) -> None:
    history = History(ctx, clock, seed)
    history.enrol("nobody")
    history.play(60)
    assignment_id = history.assignments[0]
    tasks = history.views(assignment_id, None, None)
    per_student: dict[int, list[TaskView]] = {}
    for task in sorted(tasks, key=lambda task: task.summary.id):
        per_student.setdefault(task.summary.student_id, []).append(task)

    for due in (clock.moment, clock.moment + timedelta(days=2), clock.moment + timedelta(days=30)):
        with ctx.db.transaction() as session:
            session.get_one(Assignment, assignment_id).assignment_end_date = due
        figures = statistics.read_statistics(ctx, history.world.professor, assignment_id)

        expected = {
            student: sum(state(task) == "failed" for task in theirs)
            for student, theirs in per_student.items()
            if state(theirs[-1]) == "failed"
            and theirs[-1].summary.created_at >= due - timedelta(days=3)
            and sum(state(task) == "failed" for task in theirs) >= 2
            and not any(state(task) == "completed" for task in theirs)
        }
        assert {row.student_id: row.failures for row in figures.at_risk} == expected
        assert {row.student_id for row in figures.not_submitted} | set(per_student) == {
            *(student.user_id for student in history.students),
            *(row.student_id for row in figures.not_submitted if row.student_name == "Nobody"),
        }


def test_a_student_who_keeps_failing_near_the_date_is_at_risk_until_one_passes(
    ctx: Context, clock: Clock
) -> None:
    world = builders.world(ctx)
    clock.advance(days=5)
    first = builders.submit(ctx, world, key="1").task_id
    builders.fail(ctx, ORCHESTRATOR, first)
    assert statistics.read_statistics(ctx, world.professor, world.assignment_id).at_risk == ()

    second = builders.submit(ctx, world, key="2").task_id
    builders.fail(ctx, ORCHESTRATOR, second)
    (only,) = statistics.read_statistics(ctx, world.professor, world.assignment_id).at_risk
    assert (only.student_id, only.failures, only.task_id) == (world.student.user_id, 2, second)
    assert (only.stage_name, only.reason) == ("PARSING", builders.REASON)

    third = builders.submit(ctx, world, key="3").task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, third, {"PARSING": 3, "EXECUTION": 3})
    assert statistics.read_statistics(ctx, world.professor, world.assignment_id).at_risk == ()
