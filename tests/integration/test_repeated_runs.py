"""Attempts that run again and again, and results that lost the student's files to runs that overlapped."""

from __future__ import annotations

import io
import zipfile

import pytest

from core.context import PLATFORM, Context
from core.errors import NotRequeueable
from core.services import alerts, monitoring, repeated_runs, requeues, submissions
from core.vocabulary import AlertKind
from core.wire import CRASHED_KEY
from tests import builders
from tests.alert_worlds import only, open_ones
from tests.conftest import Clock
from tests.node_reports import RECEIVED
from tests.page_visits import visitor
from tests.stories import Story, healthy


def crash(story: Story, times: int) -> None:
    """What a node does that requeues the tasks that it rejects."""
    for tag in range(1, times + 1):
        story.say(story.first(tag), RECEIVED)
        story.say(story.first(tag), "Docker is not there", CRASHED_KEY)


def test_a_task_that_crashes_without_end_is_marked_shown_alerted_and_can_be_requeued(
    ctx: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = builders.with_settings(ctx, ctx.settings.model_copy(update={"max_crashes": 4}))
    story = Story.begin(ctx)
    only(ctx, AlertKind.CRASH_LOOP, story.world.course_id)
    crash(story, 4)
    assert repeated_runs.mark_crash_loops(ctx, PLATFORM) == []

    crash(story, 1)
    story.say(story.first(9), RECEIVED)

    assert repeated_runs.mark_crash_loops(ctx, PLATFORM) == [story.task_id]
    assert repeated_runs.mark_crash_loops(ctx, PLATFORM) == [], "once"
    task = submissions.get_task(ctx, story.world.student, story.task_id)
    assert task.current.crash_loop_at == clock.moment
    assert "the last reason: Docker is not there" in task.logs[-1].message
    alerts.evaluate(ctx, PLATFORM)
    assert open_ones(ctx) == [(AlertKind.CRASH_LOOP, story.world.course_id, "")]
    app = visitor(ctx, monkeypatch)(story.world.monitor, "task")
    app.query_params["task"] = str(story.task_id)
    app.run()
    assert "crash on it over and over" in " ".join(one.value for one in app.warning)
    (row,) = repeated_runs.list_troubled(ctx, story.world.monitor, monitoring.Scope())
    assert (row.task_id, row.runs, row.lack) == (story.task_id, 6, ())

    requeues.requeue(ctx, story.world.monitor, story.task_id)

    assert repeated_runs.list_troubled(ctx, story.world.monitor, monitoring.Scope()) == []
    crash(story, 3)
    assert repeated_runs.mark_crash_loops(ctx, PLATFORM) == [], "the old attempt is history"


def test_what_passes_at_last_is_no_endless_crash_any_more(ctx: Context) -> None:
    story = Story.begin(ctx)
    crash(story, ctx.settings.max_crashes + 1)
    repeated_runs.mark_crash_loops(ctx, PLATFORM)

    complete(story)

    assert story.view().current.crash_loop_at is None
    assert repeated_runs.list_troubled(ctx, story.world.monitor, monitoring.Scope()) == []


def complete(story: Story) -> None:
    story.pass_first(tag=98)
    for carried, text in healthy(story.second(tag=99)):
        story.say(carried, text)


def leave(ctx: Context, story: Story, *names: str) -> None:
    """Put an archive of these files where the node leaves it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name in names:
            made.writestr(name, "x")
    content.seek(0)
    ctx.storage.upload(story.view().current.file_path, content)


OUTPUT = "output_processing-exchange_g-code-execution.txt"


def overlapping(ctx: Context, clock: Clock, *names: str) -> Story:
    story = Story.begin(ctx)
    story.say(story.first(1), RECEIVED)
    story.say(story.first(2), RECEIVED)
    complete(story)
    leave(ctx, story, *names)
    clock.advance(minutes=3)
    return story


def test_results_without_the_students_files_are_marked_with_the_reason_and_can_be_run_again(
    ctx: Context, clock: Clock
) -> None:
    story = overlapping(ctx, clock, OUTPUT)

    assert repeated_runs.check_results(ctx, PLATFORM) == [story.task_id]
    assert repeated_runs.check_results(ctx, PLATFORM) == [], "once"

    task = story.view()
    assert task.current.results_lack == ("work/main.gcode",)
    assert "lack 1 files of the submission after 3 runs" in task.logs[-1].message
    (row,) = repeated_runs.list_troubled(ctx, story.world.monitor, monitoring.Scope())
    assert row.lack == ("work/main.gcode",)
    requeues.requeue(ctx, story.world.monitor, story.task_id)
    assert repeated_runs.list_troubled(ctx, story.world.monitor, monitoring.Scope()) == []


@pytest.mark.parametrize("names", [("work/main.gcode", OUTPUT), ("main.gcode",), ("folder/work/main.gcode",)])
def test_complete_results_stay_as_they_are_wherever_the_node_puts_the_files(
    ctx: Context, clock: Clock, names: tuple[str, ...]
) -> None:
    story = overlapping(ctx, clock, *names)

    assert repeated_runs.check_results(ctx, PLATFORM) == []

    assert story.view().current.results_lack == ()
    with pytest.raises(NotRequeueable):
        requeues.requeue(ctx, story.world.monitor, story.task_id)


def test_an_archive_that_is_gone_or_broken_lacks_everything(ctx: Context, clock: Clock) -> None:
    story = overlapping(ctx, clock, OUTPUT)
    ctx.storage.upload(story.view().current.file_path, io.BytesIO(b"PK half"))

    assert repeated_runs.check_results(ctx, PLATFORM) == [story.task_id]
