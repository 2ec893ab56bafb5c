"""Failures are grouped by the first error of what their stages printed, from wherever it is known."""

from __future__ import annotations

import io
import random
import zipfile

import pytest
from sqlalchemy import select, update

from core.context import ORCHESTRATOR, PLATFORM, Context
from core.errors import StorageUnavailable
from core.models import TaskStageStatus
from core.services import monitoring, reports, submissions
from core.services.monitoring import Scope
from core.services.reports.outputs import read_next_output
from core.vocabulary import LogLevel
from runner import reasons
from tests import builders
from tests.builders import World
from tests.node_reports import NOT_PASSED, RECEIVED, UPLOADED
from tests.outputs import CAUSES, Student
from tests.stories import Story

SUMMARY = "0 prueba(s) pasaron, 1 fallaron."


def student(seed: int) -> Student:
    chance = random.Random(seed)  # noqa: S311  the same students each time
    return Student(
        name=f"{chance.choice(('ana', 'juan', 'sofía'))}{chance.choice('abcdefgh')}",
        number=chance.randint(2, 9_999),
        other=chance.randint(10_000, 99_999),
        folder=f"entrega/{chance.choice(('uno', 'dos'))}",
        spanish=seed % 2 == 0,
    )


def fail_as_runner(ctx: Context, task_id: int, output: str, reason: str | None = None) -> None:
    """Report as the local runner does: the output as it comes, then its last line as an error."""
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": "IN_PROGRESS"})
    reports.add_task_log(ctx, ORCHESTRATOR, task_id, output, stage="PARSING")
    last = reason or [line for line in output.splitlines() if line.strip()][-1]
    reports.add_task_log(ctx, ORCHESTRATOR, task_id, last, stage="PARSING", level=LogLevel.ERROR)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": "FAILED"})


def write_output(ctx: Context, task_id: int, output: str) -> None:
    """Leave `output` in the attempt's archive as a node does."""
    view = submissions.get_task(ctx, PLATFORM, task_id).current
    stage = view.stages[0]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"output_{stage.exchange}_{stage.routing_key}.txt", output)
    content.seek(0)
    ctx.storage.upload(view.file_path, content)


def stage_row(ctx: Context, task_id: int) -> TaskStageStatus:
    with ctx.db.transaction() as session:
        return session.scalars(
            select(TaskStageStatus).where(TaskStageStatus.task_id == task_id, TaskStageStatus.position == 0)
        ).one()


def messages(ctx: Context, world: World) -> dict[str, int]:
    groups = monitoring.group_failures(ctx, world.monitor, Scope()).groups
    return {group.message: group.count for group in groups}


def test_twelve_causes_are_twelve_groups_whoever_fails(ctx: Context) -> None:
    world = builders.world(ctx)
    for number, write in enumerate(list(CAUSES.values()) * 3):
        task_id = builders.submit(ctx, world, key=str(number)).task_id
        fail_as_runner(ctx, task_id, write(student(number)))

    failures = monitoring.group_failures(ctx, world.monitor, Scope())

    assert 11 <= len(failures.groups) <= 13
    assert sum(group.count for group in failures.groups) == failures.total == 36


def test_the_first_error_comes_before_the_summary_that_was_printed_last(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id

    fail_as_runner(ctx, task_id, CAUSES["a wrong sum"](student(0)))

    row = stage_row(ctx, task_id)
    assert row.reason is not None
    assert row.reason.startswith(f"test_suma: assert suma(2, 3) == 5 → assert {student(0).number} == 5")
    assert messages(ctx, world) == {"test_suma: assert suma(<n>, <n>) == <n>": 1}
    assert monitoring.group_failures(ctx, world.monitor, Scope()).groups[0].example == row.reason


def test_a_line_without_stage_or_level_tells_the_error_too(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": "IN_PROGRESS"})
    reports.add_task_log(ctx, ORCHESTRATOR, task_id, "error: the file is cut off")

    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": "FAILED"})

    assert stage_row(ctx, task_id).reason == "the file is cut off"


@pytest.mark.parametrize("language", ["es", "en"])
def test_a_sentence_of_the_runner_stands_whatever_was_printed_before(ctx: Context, language: str) -> None:
    world = builders.world(ctx)
    for number, texts in enumerate(reasons.STOPPED.values()):
        task_id = builders.submit(ctx, world, key=str(number)).task_id
        said = texts[language].format(seconds=60)

        fail_as_runner(ctx, task_id, CAUSES["a wrong sum"](student(0)), said)

        assert stage_row(ctx, task_id).reason == said


def test_what_a_node_left_in_the_archive_is_read_after_its_verdict(ctx: Context) -> None:
    story = Story.begin(ctx)
    write_output(ctx, story.task_id, CAUSES["a wrong total"](student(1)))
    story.say(story.first(), RECEIVED)
    story.say(story.first(), NOT_PASSED)
    story.say(story.first().towards(success=False), UPLOADED)
    before = stage_row(ctx, story.task_id)

    read = read_next_output(ctx, PLATFORM)

    after = stage_row(ctx, story.task_id)
    assert (before.reason, before.cause) == (NOT_PASSED, None)
    assert read == after.id
    assert after.cause == "calcula el total: expect(received).toBe(expected)"
    assert after.failure_key != before.failure_key
    assert read_next_output(ctx, PLATFORM) is None


@pytest.mark.parametrize("output", ["nothing of note\n", None])
def test_an_output_without_an_error_is_read_once_and_keeps_its_group(
    ctx: Context, output: str | None
) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id, SUMMARY)
    if output is not None:
        write_output(ctx, task_id, output)
    before = stage_row(ctx, task_id)

    assert read_next_output(ctx, PLATFORM) == before.id

    after = stage_row(ctx, task_id)
    assert (after.cause, after.reason, after.failure_key) == ("", SUMMARY, before.failure_key)
    assert read_next_output(ctx, PLATFORM) is None


def test_an_output_stays_unread_while_the_file_server_is_away(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id, SUMMARY)
    write_output(ctx, task_id, CAUSES["a wrong sum"](student(0)))

    def away(*_: object) -> None:
        raise StorageUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(type(ctx.storage), "download_to", away)
        with pytest.raises(StorageUnavailable):
            read_next_output(ctx, PLATFORM)
    assert stage_row(ctx, task_id).cause is None

    read_next_output(ctx, PLATFORM)

    assert messages(ctx, world) == {"test_suma: assert suma(<n>, <n>) == <n>": 1}


def test_a_new_run_forgets_the_cause_of_the_last(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    fail_as_runner(ctx, task_id, CAUSES["a wrong sum"](student(0)))

    reports.note_requeue(ctx, ORCHESTRATOR, task_id)

    row = stage_row(ctx, task_id)
    assert (row.reason, row.cause, row.failure_key) == (None, None, None)


def test_what_failed_before_causes_were_read_keeps_its_group(ctx: Context) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    with ctx.db.transaction() as session:  # as the migration leaves them
        session.execute(update(TaskStageStatus).values(cause=""))

    assert messages(ctx, world) == {"Line <n>: unknown command": 1}
    assert read_next_output(ctx, PLATFORM) is None
