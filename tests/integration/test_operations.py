"""Many failed submissions are requeued together, each of them once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from core import operations as loop
from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.errors import NotAllowed, NotFound, NothingToRequeue, OperationOver, Required
from core.models import OperationItem, RequeueEvent, Task
from core.services import courses, monitoring, operations, reports, submissions
from core.services.monitoring import Scope
from core.services.operations import ChosenTasks, FailuresOf, MatchingStudents
from core.services.submissions import StudentFilter
from core.vocabulary import ItemOutcome, OperationState, Role, StageStatus
from core.wake import Waker
from tests import builders
from tests.builders import World
from tests.waiting import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


def failed_class(ctx: Context, world: World, count: int, reason: str = builders.REASON) -> list[int]:
    """One failed submission of each of `count` classmates."""
    made = []
    for place in builders.classmates(ctx, world, count):
        made.append(builders.submit(ctx, place).task_id)
        builders.fail(ctx, ORCHESTRATOR, made[-1], reason)
    return made


def start(ctx: Context, actor: Actor, task_ids: list[int], key: str = "key") -> int:
    return operations.start_requeue(ctx, actor, ChosenTasks(tuple(task_ids)), "new image", key)


def carry_out(ctx: Context, most: int = 1000) -> int:
    done = 0
    while done < most and loop.carry_out_one(ctx):
        done += 1
    return done


def requeues_of(ctx: Context) -> dict[int, int]:
    with ctx.db.transaction() as session:
        rows = session.execute(select(RequeueEvent.task_id, func.count()).group_by(RequeueEvent.task_id))
        return dict(rows.all())


def test_the_chosen_that_have_failed_are_requeued_with_the_reason(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 3)
    waiting = builders.submit(ctx, world).task_id

    number = start(ctx, world.professor, [*failed[:2], waiting])
    carry_out(ctx)

    assert requeues_of(ctx) == dict.fromkeys(failed[:2], 1)
    view = operations.get(ctx, world.professor, number)
    assert (view.state, view.total, view.done, view.under_way) == (OperationState.ENDED, 2, 2, 2)
    assert view.outcomes == {ItemOutcome.REQUEUED: 2}
    with ctx.db.transaction() as session:
        assert set(session.scalars(select(RequeueEvent.note))) == {"new image"}


def test_a_preview_counts_what_a_start_would_do(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 7)
    builders.submit(ctx, world)
    everybody = MatchingStudents(StudentFilter(world.assignment_id))

    seen = operations.preview_requeue(ctx, world.monitor, everybody)

    assert (seen.selected, seen.requeueable, seen.exhausted) == (8, 7, 0)
    assert [task.task_id for task in seen.sample] == failed[:5]
    number = operations.start_requeue(ctx, world.monitor, everybody, "again", "key")
    assert operations.get(ctx, world.monitor, number).total == seen.requeueable


def test_what_has_had_all_its_attempts_is_counted_apart_and_left_alone(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 2)
    once = builders.with_settings(ctx, ctx.settings.model_copy(update={"max_attempts": 1}))

    seen = operations.preview_requeue(once, world.monitor, ChosenTasks(tuple(failed)))

    assert (seen.selected, seen.requeueable, seen.exhausted) == (2, 0, 2)
    with pytest.raises(NothingToRequeue):
        start(once, world.monitor, failed)


def test_all_that_match_the_filter_are_meant_and_no_others(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 3)
    later = builders.submit(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, later, {"PARSING": 3, "EXECUTION": 4})
    at_execution = StudentFilter(world.assignment_id, stage="EXECUTION", status=StageStatus.FAILED)
    named = StudentFilter(world.assignment_id, search="CLASSMATE1")

    for wanted, expected in ((at_execution, {later}), (named, {failed[1]})):
        operations.start_requeue(ctx, world.professor, MatchingStudents(wanted), "why", str(expected))
        carry_out(ctx)
        assert set(requeues_of(ctx)) >= expected

    assert set(requeues_of(ctx)) == {later, failed[1]}


def test_a_group_of_failures_is_requeued_as_a_whole(ctx: Context, world: World) -> None:
    alike = failed_class(ctx, world, 3, "Line 7: unknown command")
    other = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, other, "No such file")
    scope = Scope(course_id=world.course_id)
    group = monitoring.group_failures(ctx, world.monitor, scope).groups[0]

    operations.start_requeue(ctx, world.monitor, FailuresOf(scope, group.id), "mended", "key")
    carry_out(ctx)

    assert set(requeues_of(ctx)) == set(alike)


def test_pressing_twice_starts_once(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 4)

    with ThreadPoolExecutor(8) as pool:
        started = set(pool.map(lambda _: start(ctx, world.professor, failed), range(8)))
    carry_out(ctx)

    assert len(started) == 1
    assert requeues_of(ctx) == dict.fromkeys(failed, 1)
    assert start(ctx, world.professor, failed) in started


def test_two_operations_over_the_same_submissions_requeue_each_once(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 3)
    first = start(ctx, world.professor, failed, "one")
    second = start(ctx, world.monitor, failed, "two")

    carry_out(ctx)

    assert requeues_of(ctx) == dict.fromkeys(failed, 1)
    assert operations.get(ctx, world.professor, first).outcomes == {ItemOutcome.REQUEUED: 3}
    assert operations.get(ctx, world.monitor, second).outcomes == {ItemOutcome.NOT_FAILED: 3}


def test_several_processes_at_once_do_nothing_twice(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 12)
    number = start(ctx, world.professor, failed)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: carry_out(ctx), range(4)))
    carry_out(ctx)

    assert requeues_of(ctx) == dict.fromkeys(failed, 1)
    assert operations.get(ctx, world.professor, number).outcomes == {ItemOutcome.REQUEUED: 12}


def test_what_is_stopped_goes_no_further(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 5)
    number = start(ctx, world.professor, failed)
    carry_out(ctx, most=2)

    stopped = operations.stop(ctx, world.professor, number)

    assert carry_out(ctx) == 0
    assert (stopped.state, stopped.waiting) == (OperationState.STOPPED, 3)
    assert set(requeues_of(ctx)) == set(failed[:2])
    assert operations.stop(ctx, world.professor, number).ended_at == stopped.ended_at


def test_what_has_ended_cannot_be_stopped(ctx: Context, world: World) -> None:
    number = start(ctx, world.professor, failed_class(ctx, world, 1))
    carry_out(ctx)

    with pytest.raises(OperationOver):
        operations.stop(ctx, world.professor, number)


def test_what_changed_since_the_start_is_an_outcome_and_holds_up_nothing(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 4)
    number = start(ctx, world.professor, failed)
    reports.note_requeue(ctx, ORCHESTRATOR, failed[0])
    with ctx.db.transaction() as session:
        session.execute(text("DELETE FROM task WHERE id = :id"), {"id": failed[1]})
        session.execute(text("UPDATE task SET current_attempt = 20 WHERE id = :id"), {"id": failed[2]})

    carry_out(ctx)

    items = operations.list_items(ctx, world.professor, number)
    assert [item.outcome for item in items] == [
        ItemOutcome.NOT_FAILED,
        ItemOutcome.GONE,
        ItemOutcome.TOO_MANY,
        ItemOutcome.REQUEUED,
    ]
    assert items[1].student_email is None
    assert (items[3].failed_stage, items[3].failed_reason) == ("PARSING", builders.REASON)
    assert items[3].status is StageStatus.PENDING


def test_a_submission_that_trips_our_own_code_is_given_up_alone(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 3)
    number = start(ctx, world.professor, failed)
    with ctx.db.transaction() as session:
        session.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END $$"
            )
        )
        session.execute(
            text(
                f"CREATE TRIGGER refuse BEFORE INSERT ON task_attempt FOR EACH ROW "
                f"WHEN (NEW.task_id = {failed[1]}) EXECUTE FUNCTION refuse()"
            )
        )

    carry_out(ctx)

    assert set(requeues_of(ctx)) == {failed[0], failed[2]}
    view = operations.get(ctx, world.professor, number)
    assert view.outcomes == {ItemOutcome.REQUEUED: 2, ItemOutcome.ERROR: 1}
    assert view.state is OperationState.ENDED


def test_who_loses_the_role_meanwhile_requeues_nothing_more(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 2)
    number = start(ctx, world.monitor, failed)
    carry_out(ctx, most=1)
    with ctx.db.transaction() as session:
        session.execute(
            text("UPDATE course_member SET role = 'student' WHERE user_id = :id"),
            {"id": world.monitor.user_id},
        )

    carry_out(ctx)

    assert set(requeues_of(ctx)) == {failed[0]}
    with pytest.raises(NotFound):
        operations.get(ctx, world.professor, number + 1)


@pytest.mark.parametrize("role", ["student", "stranger"])
def test_only_who_teaches_may_start(ctx: Context, world: World, role: str) -> None:
    failed = failed_class(ctx, world, 1)
    actor = getattr(world, role)

    for selection in (
        ChosenTasks(tuple(failed)),
        MatchingStudents(StudentFilter(world.assignment_id)),
        FailuresOf(Scope(course_id=world.course_id)),
        FailuresOf(Scope()),
    ):
        with pytest.raises((NotAllowed, NotFound)):
            operations.preview_requeue(ctx, actor, selection)
        with pytest.raises((NotAllowed, NotFound)):
            operations.start_requeue(ctx, actor, selection, "why", "key")


def test_submissions_of_other_courses_are_not_touched(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 2)
    elsewhere = courses.create_course(ctx, PLATFORM, name="Elsewhere")
    courses.enrol(ctx, PLATFORM, elsewhere, world.stranger.user_id or 0, Role.PROFESSOR)

    seen = operations.preview_requeue(ctx, world.stranger, ChosenTasks(tuple(failed)))

    assert seen.selected == 0
    with pytest.raises(NothingToRequeue):
        start(ctx, world.stranger, failed)


def test_operations_are_seen_by_who_started_them(ctx: Context, world: World) -> None:
    number = start(ctx, world.monitor, failed_class(ctx, world, 1))

    assert [view.id for view in operations.list_mine(ctx, world.monitor)] == [number]
    assert operations.list_mine(ctx, world.professor) == []
    for act in (operations.get, operations.stop, operations.list_items):
        with pytest.raises(NotAllowed):
            act(ctx, world.student, number)


def test_a_reason_is_asked_for(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 1)

    with pytest.raises(Required):
        operations.start_requeue(ctx, world.monitor, ChosenTasks(tuple(failed)), "  ", "key")


@pytest.fixture
def waker(ctx: Context) -> Iterator[Waker]:
    made = Waker(ctx.db)
    made.start()
    yield made
    made.stop()


def test_the_loop_wakes_for_a_new_operation_and_ends_with_its_process(
    ctx: Context, world: World, waker: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "FALLBACK_SECONDS", 10 * LIMIT_SECONDS)  # it must be woken
    failed = failed_class(ctx, world, 3)
    quick = builders.with_settings(ctx, ctx.settings.model_copy(update={"requeues_per_second": 0}))
    thread = threading.Thread(target=loop.run_operations, args=(quick, waker))
    thread.start()

    number = start(ctx, world.professor, failed)
    builders.wait_until(lambda: operations.get(ctx, world.professor, number).state is OperationState.ENDED)

    waker.stop()
    thread.join()
    assert requeues_of(ctx) == dict.fromkeys(failed, 1)


def test_an_operation_goes_on_where_a_killed_process_left_it(ctx: Context, world: World) -> None:
    failed = failed_class(ctx, world, 30)
    number = start(ctx, world.professor, failed)
    program = (
        "from core.bootstrap import open_context\n"
        "from core.config import Settings\n"
        "from core.operations import carry_out_one\n"
        "ctx = open_context(Settings(_env_file=None))\n"
        "while carry_out_one(ctx): pass\n"
    )
    environment = {
        "ULOS_DATABASE_URL": ctx.settings.database_url.get_secret_value(),
        "ULOS_FTP_URL": ctx.settings.ftp_url.get_secret_value(),
        "ULOS_SECRET_KEY": "x" * 32,
        "ULOS_CALLBACK_TOKEN": "y" * 32,
        "PATH": "/usr/bin:/bin",
    }
    worker = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)
    builders.wait_until(lambda: operations.get(ctx, world.professor, number).done >= 3)
    worker.send_signal(signal.SIGKILL)
    worker.wait()

    with ctx.db.transaction() as session:
        left = session.scalar(select(func.count()).where(OperationItem.outcome.is_(None)))
    carry_out(ctx)

    assert left
    assert requeues_of(ctx) == dict.fromkeys(failed, 1)
    with ctx.db.transaction() as session:
        assert set(session.scalars(select(Task.current_attempt))) == {2}


def test_the_best_submission_of_a_student_is_the_one_that_got_furthest(ctx: Context, world: World) -> None:
    first = builders.submit(ctx, world, key="1").task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, first, {"PARSING": 3, "EXECUTION": 4})
    second = builders.submit(ctx, world, key="2").task_id
    builders.fail(ctx, ORCHESTRATOR, second)
    best = StudentFilter(world.assignment_id, which=submissions.Which.BEST)

    seen = operations.preview_requeue(ctx, world.professor, MatchingStudents(best))

    assert [task.task_id for task in seen.sample] == [first]
