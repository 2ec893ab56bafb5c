"""From an upload to the end of its stages, over real rows and files."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from core import wire
from core.broker import open_consumer
from core.context import ORCHESTRATOR, Context
from core.errors import AlreadyClosed, BadArchive, NotAllowed, NotFound, NotRequeueable, UnknownStatus
from core.models import OutboxMessage, QueueMessage, Task
from core.services import monitoring, reports, requeues, submissions
from core.services.monitoring import Scope
from core.vocabulary import StageStatus
from tests import builders
from tests.conftest import Clock


def count(ctx: Context, model: type) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def files(ctx: Context, folder: str) -> list[str]:
    return [file.path for file in ctx.storage.list_files(ctx.storage.path(folder))]


def test_an_accepted_submission_is_a_row_an_original_and_one_message(ctx: Context) -> None:
    world = builders.world(ctx)
    content = builders.archive()

    receipt = builders.submit(ctx, world, file=content)

    task = submissions.get_task(ctx, world.student, receipt.task_id)
    assert task.sha256 == receipt.sha256
    assert [stage.status for stage in task.current.stages] == [StageStatus.PENDING] * 2
    assert (
        b"".join(submissions.open_original(ctx, world.student, receipt.task_id).pieces) == content.getvalue()
    )
    assert count(ctx, OutboxMessage) == 1


def test_the_same_form_pressed_many_times_at_once_makes_one_task(ctx: Context) -> None:
    world = builders.world(ctx)

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda _: builders.submit(ctx, world, key="same"), range(8)))

    assert len({receipt.task_id for receipt in receipts}) == 1
    assert count(ctx, Task) == 1
    assert len(files(ctx, "originals")) == 1


def test_a_refused_archive_leaves_nothing_behind(ctx: Context) -> None:
    world = builders.world(ctx)

    with pytest.raises(BadArchive):
        builders.submit(ctx, world, file=io.BytesIO(b"this is text"))

    assert count(ctx, Task) == 0
    assert files(ctx, "originals") == []


def test_after_the_due_date_the_student_is_told_when_it_closed(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    clock.advance(days=8)

    with pytest.raises(AlreadyClosed, match="America/Bogota"):
        builders.submit(ctx, world)


def test_only_students_of_the_course_submit(ctx: Context) -> None:
    world = builders.world(ctx)
    submit = submissions.submit

    with pytest.raises(NotAllowed):
        submit(
            ctx, world.professor, world.assignment_id, builders.archive(), file_name="a.zip", submit_key="a"
        )
    with pytest.raises(NotFound):
        submit(
            ctx, world.stranger, world.assignment_id, builders.archive(), file_name="a.zip", submit_key="a"
        )


def test_a_message_goes_out_once_and_only_after_its_copy_is_there(ctx: Context) -> None:
    world = builders.world(ctx)
    receipt = builders.submit(ctx, world)

    assert builders.carry(ctx) == 1
    assert builders.carry(ctx) == 0

    with open_consumer(ctx.settings, "test") as consumer:
        delivery = consumer.receive(5)
        assert delivery is not None
        message = wire.decode(delivery.message.body)
        assert message.task_id == str(receipt.task_id)
        assert ctx.storage.size(message.file_path) == receipt.size
        consumer.finish(delivery)
    assert count(ctx, QueueMessage) == 0


def test_a_consumer_that_dies_gives_its_message_to_the_next(ctx: Context) -> None:
    world = builders.world(ctx)
    builders.submit(ctx, world)
    builders.carry(ctx)
    with open_consumer(ctx.settings, "one") as consumer:
        first = consumer.receive(5)
    with open_consumer(ctx.settings, "two") as other:
        assert other.receive(0) is None, "the lease still holds"

    with open_consumer(ctx.settings, "one") as consumer:
        second = consumer.receive(5)

    assert first is not None
    assert second is not None
    assert (first.redelivered, second.redelivered) == (False, True)


def test_stages_move_forward_and_a_late_report_moves_nothing(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": "IN_PROGRESS"})

    state = reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 2, "EXECUTION": 3})

    assert state.stages == (("PARSING", StageStatus.COMPLETED), ("EXECUTION", StageStatus.COMPLETED))
    assert state.status is StageStatus.COMPLETED
    logs = submissions.get_task(ctx, world.student, task_id).logs
    assert any("Late or repeated" in line.message for line in logs)


def test_one_unknown_status_refuses_the_whole_report(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id

    with pytest.raises(UnknownStatus):
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 2, "EXECUTION": 9})

    stages = submissions.get_task(ctx, world.student, task_id).current.stages
    assert {stage.status for stage in stages} == {StageStatus.PENDING}


def test_two_hundred_requeue_notices_at_once_count_two_hundred(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: reports.note_requeue(ctx, ORCHESTRATOR, task_id), range(200)))

    assert submissions.get_task(ctx, world.student, task_id).requeue_count == 200
    assert monitoring.summarise(ctx, world.monitor, Scope()).requeues == 200


def test_a_failed_task_requeued_runs_again_as_attempt_two_from_the_original(ctx: Context) -> None:
    world = builders.world(ctx)
    receipt = builders.submit(ctx, world)
    builders.carry(ctx)
    builders.fail(ctx, ORCHESTRATOR, receipt.task_id)
    first = submissions.get_task(ctx, world.monitor, receipt.task_id).current
    assert first.stages[0].reason == "Line 3: unknown command"

    requeued = requeues.requeue(ctx, world.monitor, receipt.task_id, note="grader was broken")
    builders.carry(ctx)

    task = submissions.get_task(ctx, world.monitor, receipt.task_id)
    assert (requeued.attempt, task.requeue_count, task.summary.status) == (2, 1, StageStatus.PENDING)
    assert task.current.file_path != first.file_path
    assert ctx.storage.size(task.current.file_path) == receipt.size
    with pytest.raises(NotRequeueable):
        requeues.requeue(ctx, world.monitor, receipt.task_id)


def test_a_report_for_an_older_attempt_is_history_only(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    requeues.requeue(ctx, world.monitor, task_id)

    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": 3}, attempt=1)

    assert submissions.get_task(ctx, world.student, task_id).summary.status is StageStatus.PENDING


def test_the_database_itself_refuses_a_stage_that_goes_backwards(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3})

    with pytest.raises(IntegrityError, match="cannot go"), ctx.db.transaction() as session:
        session.execute(
            text("UPDATE task_stage_status SET status_id = 1, ended_at = NULL WHERE position = 0")
        )


def test_the_figures_equal_a_recount(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    waiting = builders.submit(ctx, world, key="waits")
    running, failed = builders.submit(ctx, world, key="runs"), builders.submit(ctx, world, key="fails")
    reports.set_stage_statuses(ctx, ORCHESTRATOR, running.task_id, {"PARSING": 3, "EXECUTION": 2})
    builders.fail(ctx, ORCHESTRATOR, failed.task_id)
    clock.advance(seconds=90)

    figures = monitoring.summarise(ctx, world.monitor, Scope(course_id=world.course_id))

    assert (figures.waiting, figures.running, figures.failed, figures.outbox) == (1, 1, 1, 3)
    assert figures.oldest_waiting_seconds == 90
    stages = {row.stage_name: row for row in monitoring.count_by_stage(ctx, world.monitor, Scope())}
    assert (stages["PARSING"].waiting, stages["PARSING"].failed, stages["EXECUTION"].running) == (1, 1, 1)
    assert [row.submitted for row in monitoring.count_by_hour(ctx, world.monitor, Scope())] == [3]
    assert [row.task_id for row in monitoring.list_failures(ctx, world.monitor, Scope())] == [failed.task_id]
    assert waiting.reference != failed.reference


def test_a_professor_sees_every_student_with_the_status_of_each_stage(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)

    rows = submissions.overview(ctx, world.professor, world.assignment_id)

    assert [(row.student_email, row.task_id) for row in rows] == [("student@uniandes.edu.co", task_id)]
    assert rows[0].stages == (("PARSING", StageStatus.FAILED), ("EXECUTION", StageStatus.PENDING))
    with pytest.raises(NotAllowed):
        submissions.overview(ctx, world.student, world.assignment_id)
