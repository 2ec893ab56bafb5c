"""The log of a submission is searched as a whole, and a line of it can be linked to."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.context import ORCHESTRATOR, Context
from core.errors import NotFound
from core.services import reports, submissions
from core.vocabulary import LogLevel
from tests import builders

LINES = 700


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


@pytest.fixture
def task(ctx: Context, world: builders.World) -> int:
    """A submission with more lines than are answered at once, every hundredth of them an error."""
    task_id = builders.submit(ctx, world).task_id
    with ctx.db.transaction() as session:
        session.execute(
            text(
                "INSERT INTO task_log (task_id, attempt, run, source, level, log_message, logged_at)"
                " SELECT :task, 1, 1, 'orchestrator', CASE WHEN n % 100 = 0 THEN 'error' ELSE 'info' END,"
                " 'Block ' || n || ' of 100%', now() FROM generate_series(1, :lines) n"
            ),
            {"task": task_id, "lines": LINES},
        )
    return task_id


def said(part: submissions.LogPart) -> list[str]:
    return [line.message for line in part.lines]


def test_words_are_looked_for_in_the_whole_log(ctx: Context, world: builders.World, task: int) -> None:
    part = submissions.read_log(ctx, world.monitor, task, words=" bLoCk 7 oF ")

    assert (said(part), part.matching) == (["Block 7 of 100%"], 1)
    assert submissions.read_log(ctx, world.monitor, task, words="100%").matching == LINES
    assert submissions.read_log(ctx, world.monitor, task, words="1_0%").matching == 0


def test_a_line_of_the_platform_is_found_by_what_its_reader_sees(
    ctx: Context, world: builders.World, task: int
) -> None:
    recorded = ("Submission received", "Block 7 of")

    part = submissions.read_log(ctx, world.monitor, task, words="recibida", platform_words=recorded)

    assert said(part) == ["Submission received and stored"]


def test_the_newest_lines_come_with_the_count_of_all(ctx: Context, world: builders.World, task: int) -> None:
    part = submissions.read_log(ctx, world.monitor, task, words="Block")

    assert (len(part.lines), part.matching) == (500, LINES)
    assert said(part)[-1] == "Block 700 of 100%"


def test_levels_narrow_the_log(ctx: Context, world: builders.World, task: int) -> None:
    part = submissions.read_log(ctx, world.monitor, task, levels=[LogLevel.ERROR])

    assert [message.split()[1] for message in said(part)] == [str(n) for n in range(100, 800, 100)]


def test_a_line_that_is_linked_to_stands_among_its_neighbours(
    ctx: Context, world: builders.World, task: int
) -> None:
    (line,) = submissions.read_log(ctx, world.monitor, task, words="Block 50 of").lines

    part = submissions.read_log(ctx, world.monitor, task, around=line.id, limit=6)

    assert [message.split()[1] for message in said(part)] == ["48", "49", "50", "51", "52", "53"]


def test_the_last_line_is_linked_to_with_those_before_it(
    ctx: Context, world: builders.World, task: int
) -> None:
    reports.add_task_log(ctx, ORCHESTRATOR, task, "The end")
    last = submissions.read_log(ctx, world.monitor, task).lines[-1]

    part = submissions.read_log(ctx, world.monitor, task, around=last.id, limit=4)

    assert said(part)[-1] == "The end"
    assert len(part.lines) == 4


def test_who_may_not_see_the_submission_does_not_see_its_log(
    ctx: Context, world: builders.World, task: int
) -> None:
    with pytest.raises(NotFound):
        submissions.read_log(ctx, world.stranger, task)
