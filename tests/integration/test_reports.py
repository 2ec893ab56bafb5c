"""What reports from the broker say about stages: read as a node writes them, applied to real rows."""

from __future__ import annotations

from itertools import permutations

import pytest

from core.context import Context
from core.vocabulary import StageStatus
from core.wire import CRASHED_KEY, DONE_KEY, FAILED_KEY, LOG_KEY
from tests.conftest import Clock
from tests.node_reports import (
    DOWNLOADED,
    NOT_PASSED,
    PASSED,
    RECEIVED,
    REJECTED,
    UPLOADED,
    Carried,
)
from tests.stories import Story, healthy

PENDING, RUNNING, COMPLETED, FAILED = StageStatus
FULL_DISK = "552 disk full"


def test_the_seven_texts_of_two_healthy_stages_lead_to_the_end(ctx: Context, clock: Clock) -> None:
    story = Story.begin(ctx)
    seen = []

    for carried, text in healthy(story.first()) + healthy(story.second()):
        clock.advance(seconds=10)
        story.say(carried, text)
        seen.append((text.split()[1], *story.stages()))

    assert seen == [
        ("received", RUNNING, PENDING),
        ("files", RUNNING, PENDING),
        ("processing", RUNNING, PENDING),
        ("execution", COMPLETED, PENDING),
        ("sent", COMPLETED, PENDING),
        ("acknowledged", COMPLETED, PENDING),
        ("received", COMPLETED, RUNNING),
        ("files", COMPLETED, RUNNING),
        ("processing", COMPLETED, RUNNING),
        ("execution", COMPLETED, COMPLETED),
        ("sent", COMPLETED, COMPLETED),
        ("acknowledged", COMPLETED, COMPLETED),
    ]
    first, second = story.view().current.stages
    assert first.started_at
    assert first.ended_at
    assert second.queued_at == first.ended_at
    assert second.started_at
    assert (second.started_at - second.queued_at).total_seconds() == 30
    assert story.view().summary.status is COMPLETED
    assert story.view().requeue_count == 0


def test_a_verdict_is_not_final_before_its_files_are_up(ctx: Context) -> None:
    story = Story.begin(ctx)

    story.say(story.first(), NOT_PASSED)

    assert story.stages() == [RUNNING, PENDING]
    story.say(story.first().towards(success=False), UPLOADED)
    assert story.stages() == [FAILED, PENDING]
    assert story.view().current.stages[0].reason == NOT_PASSED


@pytest.mark.parametrize(
    ("key", "text"), [(LOG_KEY, RECEIVED), (LOG_KEY, DOWNLOADED), (LOG_KEY, PASSED), (LOG_KEY, UPLOADED)]
)
def test_a_report_about_a_stage_shows_that_those_before_are_complete(
    ctx: Context, key: str, text: str
) -> None:
    story = Story.begin(ctx)

    story.say(story.second(), text, key)

    assert story.stages()[0] is COMPLETED


def test_task_done_completes_all(ctx: Context) -> None:
    story = Story.begin(ctx)

    story.say(story.second().towards(success=True), None, DONE_KEY)

    assert story.stages() == [COMPLETED, COMPLETED]


def test_a_failure_is_of_the_first_stage_that_is_not_complete(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.pass_first()

    story.say(story.second().towards(success=False), None, FAILED_KEY)

    assert story.stages() == [COMPLETED, FAILED]


def test_a_failure_heard_first_makes_the_pass_that_was_recorded_before_it_final(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), PASSED)

    story.say(story.second().towards(success=False), None, FAILED_KEY)

    assert story.stages() == [COMPLETED, FAILED]


def test_without_a_tree_the_recorded_verdict_stands_when_the_files_are_up(ctx: Context) -> None:
    story = Story.begin(ctx)
    bare = Carried(story.first().fields, None, 1)
    story.say(bare, UPLOADED)
    assert story.stages() == [PENDING, PENDING]
    story.say(story.first(), NOT_PASSED)

    story.say(bare, UPLOADED)

    assert story.stages() == [FAILED, PENDING]


def test_an_unknown_text_is_a_line_of_the_log_and_moves_nothing(ctx: Context) -> None:
    story = Story.begin(ctx)

    story.say(story.second(), "Robot calibrated")

    assert story.stages() == [PENDING, PENDING]
    assert story.view().logs[-1].message == "Robot calibrated"


@pytest.mark.parametrize("text", ["552 disk full", RECEIVED, "", None])
def test_a_crash_is_known_by_its_key_whatever_it_says(ctx: Context, text: str | None) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)

    story.say(story.first(), text, CRASHED_KEY)

    assert story.stages() == [FAILED, PENDING]
    assert story.view().current.stages[0].reason
    assert story.view().requeue_count == 0


def test_a_crash_after_a_verdict_is_of_the_stage_before_the_root_in_whatever_order_it_is_told(
    ctx: Context,
) -> None:
    first = Story.begin(ctx)
    outcomes = set()

    for number, order in enumerate(permutations(range(4))):
        story = first.another(f"order {number}")
        after = story.second(tag=1)
        told = [
            (after, FULL_DISK, CRASHED_KEY),
            (after, f"Task files upload failed with reason - {FULL_DISK}", LOG_KEY),
            (after, f"Task crashed with reason - {FULL_DISK}", LOG_KEY),
            (after, REJECTED, LOG_KEY),
        ]
        story.say(story.first(), RECEIVED)
        story.say(story.first(), PASSED)
        for index in order:
            story.say(*told[index])
        outcomes.add((*story.stages(), story.view().current.stages[0].reason))

    assert outcomes == {(FAILED, PENDING, FULL_DISK)}


def test_a_crash_after_the_last_verdict_is_of_the_last_stage(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.second(), PASSED)

    story.say(story.second().towards(success=True), FULL_DISK, CRASHED_KEY)

    assert story.stages() == [COMPLETED, FAILED]


def test_a_crash_after_a_lost_verdict_is_known_by_the_delivery(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(tag=9), RECEIVED)

    story.say(story.second(tag=9), FULL_DISK, CRASHED_KEY)

    assert story.stages() == [FAILED, PENDING]


def test_a_crash_of_a_stage_that_was_never_heard_is_of_that_stage(ctx: Context) -> None:
    story = Story.begin(ctx)

    story.say(story.second(), "timeout", CRASHED_KEY)

    assert story.stages() == [COMPLETED, FAILED]


def test_a_blame_is_taken_back_when_the_later_stage_turns_out_to_have_crashed(ctx: Context) -> None:
    """The crash of the second stage overtook what the first still had to say."""
    story = Story.begin(ctx)
    story.say(story.first(), PASSED)
    story.say(story.second(), "timeout", CRASHED_KEY)
    assert story.stages() == [FAILED, PENDING]

    story.say(story.second(tag=1), UPLOADED)

    assert story.stages() == [COMPLETED, FAILED]
    assert story.view().current.stages[1].reason == "timeout"
    story.say(story.second(), RECEIVED)
    assert story.stages() == [COMPLETED, FAILED]
    assert story.view().requeue_count == 0
