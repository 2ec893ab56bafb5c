"""A re-run on trial: nothing counts before it is applied, and all or none of it does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from core import operations as loop
from core.context import ORCHESTRATOR, Actor, Context
from core.errors import NotAllowed, NotFound, OnTrial, TrialDecided, TrialUnderWay
from core.services import monitoring, notices, operations, reports, requeues, statistics, submissions
from core.services.monitoring import Scope
from core.services.operations import Changes, ChosenTasks
from core.vocabulary import StageStatus
from tests import builders
from tests.builders import World

PASSED = {"PARSING": 3, "EXECUTION": 3}


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


def finished_class(ctx: Context, world: World) -> tuple[int, int, int]:
    """A failed submission and two that passed, each of another student."""
    places = builders.classmates(ctx, world, 3)
    failed, first, second = (builders.submit(ctx, place).task_id for place in places)
    builders.fail(ctx, ORCHESTRATOR, failed)
    for task_id in (first, second):
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, PASSED)
    return failed, first, second


def start(ctx: Context, world: World, task_ids: tuple[int, ...], actor: Actor | None = None) -> int:
    number = operations.start_requeue(
        ctx, actor or world.professor, ChosenTasks(task_ids), "new image", "key", trial=True
    )
    while loop.carry_out_one(ctx):
        pass
    return number


def figures(ctx: Context, world: World) -> tuple[object, ...]:
    """Everything that is said of the assignment; what is under way for the broker is none of it."""
    read = statistics.read_statistics(ctx, world.professor, world.assignment_id)
    rows = submissions.overview(ctx, world.professor, world.assignment_id)
    by_stage = monitoring.count_by_stage(ctx, world.professor, Scope(assignment_id=world.assignment_id))
    return read, rows, by_stage


def run_trial(ctx: Context, world: World) -> tuple[int, tuple[int, int, int]]:
    """A trial in which the failed one passes, and of the others one fails and one passes again."""
    tasks = finished_class(ctx, world)
    number = start(ctx, world, tasks)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, tasks[0], PASSED)
    builders.fail(ctx, ORCHESTRATOR, tasks[1])
    reports.set_stage_statuses(ctx, ORCHESTRATOR, tasks[2], PASSED)
    return number, tasks


def statuses(ctx: Context, world: World) -> dict[int, tuple[StageStatus | None, int | None]]:
    rows = submissions.overview(ctx, world.professor, world.assignment_id)
    return {row.task_id: (row.status, row.attempt) for row in rows if row.task_id}


def test_no_figure_changes_while_a_trial_runs_and_when_it_has_ended(ctx: Context, world: World) -> None:
    tasks = finished_class(ctx, world)
    before = figures(ctx, world)

    number = start(ctx, world, tasks)
    assert figures(ctx, world) == before
    reports.set_stage_statuses(ctx, ORCHESTRATOR, tasks[0], PASSED)
    builders.fail(ctx, ORCHESTRATOR, tasks[1])
    assert figures(ctx, world) == before

    assert operations.count_changes(ctx, world.professor, number) == Changes(1, 1, 0, 1)


def test_both_outcomes_stand_side_by_side_with_what_changed_first(ctx: Context, world: World) -> None:
    number, (failed, passed, same) = run_trial(ctx, world)

    rows = operations.list_changes(ctx, world.professor, number)

    done, bad = StageStatus.COMPLETED, StageStatus.FAILED
    assert [(row.task_id, row.before, row.after) for row in rows] == [
        (passed, done, bad),
        (failed, bad, done),
        (same, done, done),
    ]
    assert [(row.before_attempt, row.attempt) for row in rows] == [(1, 2)] * 3
    assert operations.count_changes(ctx, world.professor, number) == Changes(1, 1, 1, 0)


def test_an_applied_trial_counts_as_a_whole_and_its_students_are_told(ctx: Context, world: World) -> None:
    number, (failed, passed, same) = run_trial(ctx, world)

    assert operations.apply_trial(ctx, world.professor, number) == 3

    done, bad = StageStatus.COMPLETED, StageStatus.FAILED
    assert statuses(ctx, world) == {failed: (done, 2), passed: (bad, 2), same: (done, 2)}
    owner = Actor(user_id=submissions.get_task(ctx, world.professor, passed).summary.student_id)
    assert [(one.task_id, one.status) for one in notices.list_unread(ctx, owner)] == [(passed, bad)]
    assert operations.apply_trial(ctx, world.professor, number) == 0, "a second click changes nothing"
    with pytest.raises(TrialDecided):
        operations.discard_trial(ctx, world.professor, number)


def test_a_discarded_trial_leaves_every_figure_as_it_was_and_the_next_attempt_has_its_own_number(
    ctx: Context, world: World
) -> None:
    tasks = finished_class(ctx, world)
    before = figures(ctx, world)
    number = start(ctx, world, tasks)
    for task_id in tasks:
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, PASSED)

    assert operations.discard_trial(ctx, world.professor, number) == 3

    assert figures(ctx, world) == before
    assert requeues.requeue(ctx, world.professor, tasks[0]).attempt == 3
    with pytest.raises(TrialDecided):
        operations.apply_trial(ctx, world.professor, number)


def test_a_trial_is_decided_only_when_all_of_it_has_ended(ctx: Context, world: World) -> None:
    failed, *_ = finished_class(ctx, world)
    number = start(ctx, world, (failed,))

    with pytest.raises(TrialUnderWay):
        operations.apply_trial(ctx, world.professor, number)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, failed, PASSED, attempt=2)

    assert operations.apply_trial(ctx, world.professor, number) == 1


def test_a_late_report_about_a_discarded_attempt_moves_nothing(ctx: Context, world: World) -> None:
    failed, *_ = finished_class(ctx, world)
    number = start(ctx, world, (failed,))
    operations.discard_trial(ctx, world.professor, number)

    reports.set_stage_statuses(ctx, ORCHESTRATOR, failed, PASSED, attempt=2)

    assert statuses(ctx, world)[failed] == (StageStatus.FAILED, 1)


def test_what_is_on_trial_is_not_requeued_besides(ctx: Context, world: World) -> None:
    failed, *_ = finished_class(ctx, world)
    start(ctx, world, (failed,))

    with pytest.raises(OnTrial):
        requeues.requeue(ctx, world.professor, failed)


def test_a_student_sees_what_counts_and_the_professor_also_what_is_on_trial(
    ctx: Context, world: World
) -> None:
    number, (_, passed, _) = run_trial(ctx, world)
    seen = submissions.get_task(ctx, world.professor, passed)
    owner = Actor(user_id=seen.summary.student_id)

    mine = submissions.get_task(ctx, owner, passed)
    assert [attempt.number for attempt in mine.attempts] == [1]
    assert {line.attempt for line in mine.logs} == {1}
    assert seen.current.number == 1
    assert seen.trial is not None
    assert seen.trial.number == 2

    operations.apply_trial(ctx, world.professor, number)
    assert submissions.get_task(ctx, owner, passed).current.number == 2


def test_only_the_professor_who_started_it_decides(ctx: Context, world: World) -> None:
    failed, *_ = finished_class(ctx, world)
    number = start(ctx, world, (failed,), world.monitor)
    assert statuses(ctx, world)[failed] == (StageStatus.FAILED, 1)
    assert submissions.get_task(ctx, world.professor, failed).trial is None, "a monitor tries nothing"

    with pytest.raises(NotAllowed):
        operations.apply_trial(ctx, world.professor, number)
    for actor in (world.student, world.stranger):
        with pytest.raises((NotAllowed, NotFound)):
            operations.discard_trial(ctx, actor, number)


def test_a_decision_is_whole_or_not_at_all(ctx: Context, world: World) -> None:
    number, tasks = run_trial(ctx, world)
    before = statuses(ctx, world)
    with ctx.db.transaction() as session:
        session.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN IF NEW.id = {tasks[2]} AND NEW.current_attempt = 2 "
                "THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$"
            )
        )
        session.execute(
            text("CREATE TRIGGER refuse BEFORE UPDATE ON task FOR EACH ROW EXECUTE FUNCTION refuse()")
        )

    with pytest.raises(Exception, match="no"):
        operations.apply_trial(ctx, world.professor, number)

    assert statuses(ctx, world) == before
    assert operations.get(ctx, world.professor, number).decision is None


def test_ended_work_keeps_its_settings(ctx: Context, world: World) -> None:
    """Trials take the same place as any attempt: as many as are allowed, and no more."""
    few = replace(ctx, settings=ctx.settings.model_copy(update={"max_attempts": 2}))
    failed, *_ = finished_class(few, world)
    number = start(few, world, (failed,))
    operations.discard_trial(few, world.professor, number)

    again = operations.start_requeue(few, world.professor, ChosenTasks((failed,)), "x", "again", trial=True)
    while loop.carry_out_one(few):
        pass

    assert operations.count_changes(few, world.professor, again).total == 0
