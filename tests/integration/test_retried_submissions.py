"""A submission that is tried again under its key leaves one file, however often it failed before."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import patch

import pytest

from core.context import Context
from core.errors import DatabaseUnavailable
from core.services import submissions
from core.services.submissions import accepting
from tests import builders
from tests.builders import World
from tests.conftest import Clock


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


def stored(ctx: Context) -> list[str]:
    return [file.path for file in ctx.storage.list_files(ctx.storage.path("originals"))]


def full(*_: object, **__: object) -> None:
    """What Postgres answers when its disk is full, once the bytes are stored."""
    raise DatabaseUnavailable


def fail(ctx: Context, world: World, *, key: str = "key") -> None:
    with patch.object(accepting, "_insert_task", full), pytest.raises(DatabaseUnavailable):
        builders.submit(ctx, world, key=key)


def test_retries_after_the_bytes_were_stored_write_over_the_same_file(ctx: Context, world: World) -> None:
    for _ in range(5):
        fail(ctx, world)
    assert len(stored(ctx)) == 1

    receipt = builders.submit(ctx, world)

    assert len(stored(ctx)) == 1
    content = b"".join(submissions.open_original(ctx, world.student, receipt.task_id).pieces)
    assert content == builders.archive().getvalue()


def test_other_bytes_other_keys_and_other_students_never_get_the_same_file(
    ctx: Context, world: World
) -> None:
    fail(ctx, world)

    builders.submit(ctx, world, key="other")
    builders.submit(ctx, world, file=builders.archive(other_gcode="G0"))
    builders.submit(ctx, builders.classmates(ctx, world, 1)[0])

    assert len(stored(ctx)) == 4


def test_a_commit_whose_outcome_was_unknown_keeps_its_file_when_the_retry_finds_it(
    ctx: Context, world: World
) -> None:
    record = accepting._record
    committed = threading.Event()

    def lose_the_answer(*given: Any) -> None:
        record(*given)
        given[0].commit()
        committed.set()
        raise DatabaseUnavailable

    with patch.object(accepting, "_record", lose_the_answer), pytest.raises(DatabaseUnavailable):
        builders.submit(ctx, world)
    assert committed.is_set()
    assert len(stored(ctx)) == 1
    find, answers = accepting.find_receipt, iter([None])
    with patch.object(accepting, "find_receipt", lambda *given: next(answers, find(*given))):
        receipt = builders.submit(ctx, world)  # as if it had asked just before that commit

    content = b"".join(submissions.open_original(ctx, world.student, receipt.task_id).pieces)
    assert content == builders.archive().getvalue()
    assert len(stored(ctx)) == 1


def test_a_path_is_forgotten_before_the_sweep_may_remove_its_file(
    ctx: Context, world: World, clock: Clock
) -> None:
    fail(ctx, world)
    [left] = stored(ctx)
    clock.advance(hours=13)

    builders.submit(ctx, world)

    assert len(stored(ctx)) == 2
    assert left in stored(ctx)
