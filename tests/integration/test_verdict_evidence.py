"""Each number that the monitor's verdict shows equals a recount over the rows, and the verdict follows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.context import ORCHESTRATOR, Context
from core.services import monitoring, reports
from core.services.monitoring import Answer, Components, Evidence, Scope
from tests import builders
from tests.builders import World
from tests.conftest import Clock
from tests.integration.test_failure_causes import fail_as_runner

GRADER_BROKEN = "Traceback (most recent call last):\n  File \"/image/grade.py\", line 3\nKeyError: 'rubric'\n"


def own_assertion(number: int) -> str:
    return (
        "=== FAILURES ===\n"
        "_____ test_answer _____\n"
        ">       assert answer() == 42\n"
        f"E       assert {number * 7} == 42\n"
        f"test_{number}.py:3: AssertionError\n"
        "0 prueba(s) pasaron, 1 fallaron.\n"
    )


def passes(ctx: Context, world: World, key: str) -> None:
    task_id = builders.submit(ctx, world, key=key).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": 3})


def fails(ctx: Context, world: World, key: str, output: str) -> None:
    fail_as_runner(ctx, builders.submit(ctx, world, key=key).task_id, output)


def verdict(ctx: Context, world: World, scope: Scope) -> tuple[Answer, Evidence]:
    verdicts = monitoring.count_verdicts(ctx, world.monitor, scope)
    failures = monitoring.group_failures(ctx, world.monitor, scope)
    evidence = monitoring.gather_evidence(ctx, world.monitor, scope, verdicts, failures)
    queue = monitoring.read_queue(ctx, world.monitor, scope)
    nothing_down = Components({}, (), None)
    return monitoring.answer_for(queue, nothing_down, verdicts, evidence), evidence


@pytest.fixture
def students(ctx: Context) -> list[World]:
    return builders.classmates(ctx, builders.world(ctx), 12)


def test_students_who_fail_their_own_assertions_are_not_the_grader(
    ctx: Context, students: list[World]
) -> None:
    for number, world in enumerate(students):
        fails(ctx, world, "1", own_assertion(number))

    answer, evidence = verdict(ctx, students[0], Scope())

    assert answer is Answer.STUDENTS
    assert (evidence.failures, evidence.causes, evidence.texts, evidence.students_read) == (12, 1, 12, 12)


def test_one_text_for_all_and_no_pass_is_the_grader(ctx: Context, students: list[World]) -> None:
    for world in students:
        fails(ctx, world, "1", GRADER_BROKEN)

    answer, evidence = verdict(ctx, students[0], Scope())

    assert answer is Answer.GRADER
    assert (evidence.texts, evidence.passed_since, evidence.ended_since) == (1, 0, 12)


def test_one_text_while_others_pass_is_the_work(ctx: Context, students: list[World]) -> None:
    for world in students[4:]:
        fails(ctx, world, "1", GRADER_BROKEN)
    for world in students[:4]:
        passes(ctx, world, "1")

    answer, evidence = verdict(ctx, students[0], Scope())

    assert answer is Answer.STUDENTS
    assert evidence.passed_since == 4


def test_who_passed_before_and_earlier_is_counted(ctx: Context, clock: Clock, students: list[World]) -> None:
    for world in students[:7]:
        passes(ctx, world, "1")
    fails(ctx, students[7], "1", own_assertion(1))
    clock.advance(hours=30)
    scope = Scope(since=clock() - timedelta(hours=24))
    for world in students:
        fails(ctx, world, "2", GRADER_BROKEN)
    clock.advance(minutes=1)
    scope = replace(scope, since=clock() - timedelta(hours=24))

    answer, evidence = verdict(ctx, students[0], scope)

    assert answer is Answer.GRADER
    assert evidence.passed_earlier == 7
    assert (evidence.passed_before, evidence.ended_before) == (7, 8)


def test_nothing_is_compared_while_little_fails(ctx: Context, students: list[World]) -> None:
    for world in students[:3]:
        fails(ctx, world, "1", GRADER_BROKEN)

    answer, evidence = verdict(ctx, students[0], Scope())

    assert answer is Answer.WELL
    assert (evidence.failures, evidence.read) == (3, 0)


def test_summaries_alone_do_not_tell_whose_it_is(ctx: Context, students: list[World]) -> None:
    for world in students:
        fails(ctx, world, "1", "0 prueba(s) pasaron, 1 fallaron.\n")

    answer, evidence = verdict(ctx, students[0], Scope())

    assert (answer, evidence.untold) == (Answer.UNKNOWN, 12)


def test_the_evidence_equals_a_recount(ctx: Context, students: list[World]) -> None:
    for number, world in enumerate(students):
        fails(ctx, world, "1", GRADER_BROKEN if number % 4 else own_assertion(number))
        if number % 4 == 0:
            passes(ctx, world, "2")
            fails(ctx, world, "3", GRADER_BROKEN)

    _, evidence = verdict(ctx, students[0], Scope())

    with ctx.db.transaction() as session:
        rows = session.execute(
            text(
                "SELECT t.id, t.created_by_id, s.failure_key, s.reason, EXISTS (SELECT FROM task p WHERE"
                " p.created_by_id = t.created_by_id AND p.status_id = 3 AND p.id > t.id) AS passed_later,"
                " EXISTS (SELECT FROM task p WHERE p.created_by_id = t.created_by_id AND p.status_id = 3"
                " AND p.id < t.id) AS passed_earlier"
                " FROM task t JOIN task_stage_status s ON s.task_id = t.id WHERE s.status_id = 4"
            )
        ).all()
    open_rows = [row for row in rows if not row.passed_later]
    keys = [row.failure_key for row in open_rows]
    largest = max(set(keys), key=keys.count)
    of_largest = [row for row in open_rows if row.failure_key == largest]
    assert evidence.failures == len(open_rows)
    assert evidence.causes == len(set(keys))
    assert evidence.largest == keys.count(largest)
    assert evidence.read == len(of_largest)
    assert evidence.students == evidence.students_read == len({row.created_by_id for row in of_largest})
    assert evidence.texts == len({row.reason for row in of_largest})
    assert evidence.passed_earlier == len({row.created_by_id for row in of_largest if row.passed_earlier})
