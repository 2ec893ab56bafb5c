"""Reports of several runs, attempts and deliveries: what is new, what is a duplicate, what is history."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from core import sweep
from core.context import ORCHESTRATOR, Context
from core.models import AppliedReport, TaskMetrics
from core.services import reports, requeues
from core.services.reports import Applied
from core.vocabulary import StageStatus
from core.wire import CRASHED_KEY, DONE_KEY, LOG_KEY
from core.wire.reports import read_report
from tests.conftest import Clock
from tests.node_reports import (
    NOT_PASSED,
    RECEIVED,
    UPLOADED,
)
from tests.stories import Story, bodies

PENDING, RUNNING, COMPLETED, FAILED = StageStatus


def test_within_a_run_the_first_final_result_of_a_stage_wins(ctx: Context) -> None:
    story = Story.begin(ctx)
    for tag in (1, 2):
        story.say(story.first(tag), RECEIVED)
    story.say(story.first(1).towards(success=False), UPLOADED)

    story.say(story.first(2).towards(success=True), UPLOADED)

    assert story.stages() == [FAILED, PENDING]


def test_a_task_received_again_is_a_new_run_and_a_requeue(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.pass_first()
    story.say(story.second(), RECEIVED)

    story.say(story.second(tag=3), RECEIVED)

    assert story.stages() == [COMPLETED, RUNNING]
    assert (story.view().current.run, story.view().requeue_count, story.causes()) == (2, 1, ["node_lost"])


def test_an_equal_body_without_the_flag_is_a_second_event_in_earnest(ctx: Context) -> None:
    story = Story.begin(ctx)

    for _ in range(3):
        story.say(story.first(), RECEIVED)

    assert story.view().requeue_count == 2


def test_a_task_received_again_after_a_crash_was_requeued_for_the_crash(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)
    story.say(story.first(), "timeout", CRASHED_KEY)

    story.say(story.first(tag=2), RECEIVED)

    assert story.stages() == [RUNNING, PENDING]
    assert story.causes() == ["crash"]


def test_the_crash_of_a_node_that_had_lost_the_task_fails_nobody_elses_run(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(tag=1), RECEIVED)
    story.say(story.first(tag=2), RECEIVED)

    story.say(story.first(tag=1), "connection lost", CRASHED_KEY)

    assert story.stages() == [RUNNING, PENDING]


def test_a_late_task_received_of_the_run_that_has_ended_counts_but_undoes_nothing(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(tag=1), RECEIVED)
    story.say(story.first(tag=2), NOT_PASSED)
    story.say(story.first(tag=2).towards(success=False), UPLOADED)

    story.say(story.first(tag=2), RECEIVED)

    assert story.stages() == [FAILED, PENDING]
    assert story.view().requeue_count == 1


def test_a_requeue_notice_and_the_task_received_that_follows_it_are_one_requeue(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)
    reports.note_requeue(ctx, ORCHESTRATOR, story.task_id)

    story.say(story.first(tag=2), RECEIVED)

    assert (story.view().requeue_count, story.causes()) == (1, ["orchestrator"])


def test_a_duplicate_is_what_is_delivered_again_and_was_applied_before(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)

    again = story.say(story.first(), RECEIVED, redelivered=True)
    never_applied = story.say(story.first(tag=5), RECEIVED, redelivered=True)

    assert (again, never_applied) == (Applied(0, 1, 0), Applied(1, 0, 0))
    assert story.view().requeue_count == 1


def test_what_was_applied_is_remembered_for_a_week(ctx: Context, clock: Clock) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)
    clock.advance(days=6)
    sweep.expire(ctx)
    assert story.say(story.first(), RECEIVED, redelivered=True).repeated == 1

    clock.advance(days=2)
    sweep.expire(ctx)

    with ctx.db.transaction() as session:
        assert session.scalars(select(AppliedReport)).all() == []


def test_a_batch_that_is_tried_again_after_an_unknown_outcome_has_its_effect_once(ctx: Context) -> None:
    story = Story.begin(ctx)
    batch = [read_report(story.first().write(RECEIVED), LOG_KEY) for _ in range(2)]
    reports.apply_reports(ctx, ORCHESTRATOR, batch)

    again = reports.apply_reports(ctx, ORCHESTRATOR, batch, again=True)

    assert again == Applied(0, 2, 0)
    assert story.view().requeue_count == 1


def test_two_listeners_with_the_same_report_in_hand_apply_it_once(ctx: Context) -> None:
    story = Story.begin(ctx)
    read = read_report(story.first().write(RECEIVED), LOG_KEY, redelivered=True)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: reports.apply_reports(ctx, ORCHESTRATOR, [read]), range(8)))

    assert sum(batch.applied for batch in done) == 1
    assert story.view().requeue_count == 0


def test_reports_of_an_older_attempt_are_history(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)
    story.say(story.first(), "timeout", CRASHED_KEY)
    requeues.requeue(ctx, story.world.monitor, story.task_id)

    story.say(story.second().towards(success=True), None, DONE_KEY)
    story.say(story.first(tag=8), RECEIVED)

    assert story.stages() == [PENDING, PENDING]
    assert story.view().requeue_count == 1
    assert [line.attempt for line in story.view().logs if line.message == RECEIVED] == [1, 1]
    story.messages = bodies(ctx, story.task_id)
    story.say(story.first(tag=9, attempt=2), RECEIVED)
    assert story.stages() == [RUNNING, PENDING]


def test_what_was_not_acknowledged_is_a_duplicate_even_if_the_broker_does_not_say_so(ctx: Context) -> None:
    """RabbitMQ 3.10 forgets after a restart to mark what it hands out again."""
    story = Story.begin(ctx)
    taken = [read_report(story.first().write(RECEIVED), LOG_KEY)]
    reports.apply_reports(ctx, ORCHESTRATOR, taken, held=True)

    handed_out_again = reports.apply_reports(ctx, ORCHESTRATOR, taken, held=True)

    assert handed_out_again == Applied(applied=0, repeated=1, parked=0)
    assert requeue_count(ctx, story.task_id) == 0


def test_the_same_words_after_their_acknowledgement_are_another_event(ctx: Context) -> None:
    """A node that is started anew counts its deliveries from one again."""
    story = Story.begin(ctx)
    taken = [read_report(story.first().write(RECEIVED), LOG_KEY)]
    counted = []

    for _ in range(2):
        reports.apply_reports(ctx, ORCHESTRATOR, taken, held=True)
        reports.apply_reports(ctx, ORCHESTRATOR, taken, held=True)
        reports.note_acknowledged(ctx, ORCHESTRATOR, taken)
        counted.append(requeue_count(ctx, story.task_id))

    assert counted == [0, 1]


def requeue_count(ctx: Context, task_id: int) -> int:
    with ctx.db.transaction() as session:
        return session.scalars(select(TaskMetrics.requeue_count).where(TaskMetrics.task_id == task_id)).one()
