"""What is on FTP held against the rows: what is left over goes, what is gone is shown to who can mend it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.context import PLATFORM, Actor, Context
from core.db import utc_now
from core.errors import NotAllowed, NotFound
from core.models import DefinitionStage, Task, TaskAttempt
from core.services import assignments, courses, inventory
from core.services.inventory import LostFile
from core.storage import Session, StoredFile
from core.vocabulary import FileKind, Role
from tests import builders
from tests.builders import World
from tests.conftest import Clock


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


def paths_of(ctx: Context, task_id: int) -> tuple[str, str]:
    """Of the original and of the attempt's copy."""
    with ctx.db.transaction() as session:
        original = session.scalars(select(Task.original_path).where(Task.id == task_id)).one()
        copy = session.scalars(select(TaskAttempt.file_path).where(TaskAttempt.task_id == task_id)).one()
    return original, copy


def image_of(ctx: Context) -> str:
    with ctx.db.transaction() as session:
        return session.scalars(select(DefinitionStage.remote_storage_path).limit(1)).one()


def missing(ctx: Context, actor: Actor, **options: int) -> list[tuple[FileKind, str]]:
    return [(file.kind, file.path) for file in inventory.list_missing_files(ctx, actor, **options)]


def test_what_rows_name_and_the_server_lacks_is_shown_until_it_is_back(
    ctx: Context, world: World, clock: Clock
) -> None:
    receipt = builders.submit(ctx, world)
    builders.carry(ctx)
    original, copy = paths_of(ctx, receipt.task_id)
    clock.advance(hours=1)
    content = io.BytesIO()
    ctx.storage.download_to(original, content)
    ctx.storage.delete(original)
    ctx.storage.delete(copy)

    assert inventory.compare_files(ctx) == []

    (first, second) = inventory.list_missing_files(ctx, world.monitor, course_id=world.course_id)
    assert second == LostFile(
        original, FileKind.ORIGINAL, receipt.reference, world.course_id, receipt.task_id, clock.moment
    )
    assert (first.kind, first.path) == (FileKind.ATTEMPT, copy)
    clock.advance(hours=1)
    content.seek(0)
    ctx.storage.upload(original, content)
    inventory.compare_files(ctx)
    (still,) = inventory.list_missing_files(ctx, world.monitor)
    assert (still.path, still.found_at) == (copy, clock.moment - timedelta(hours=1))


def test_what_is_gone_of_a_course_is_shown_to_who_teaches_there_and_of_a_definition_to_all_who_teach(
    ctx: Context, world: World, clock: Clock
) -> None:
    receipt = builders.submit(ctx, world)
    elsewhere = courses.create_course(ctx, PLATFORM, name="Elsewhere")
    courses.enrol(ctx, PLATFORM, elsewhere, world.stranger.user_id or 0, Role.MONITOR)
    original, image = paths_of(ctx, receipt.task_id)[0], image_of(ctx)
    ctx.storage.delete(original)
    ctx.storage.delete(image)
    clock.advance(hours=1)
    inventory.compare_files(ctx)

    both = {(FileKind.ORIGINAL, original), (FileKind.IMAGE, image)}
    assert set(missing(ctx, world.professor)) == set(missing(ctx, world.monitor)) == both
    assert set(missing(ctx, builders.person(ctx, "root", is_admin=True))) == both
    assert missing(ctx, world.stranger) == [(FileKind.IMAGE, image)]
    assert inventory.count_missing_files(ctx, world.stranger) == 1
    with pytest.raises(NotFound):
        inventory.list_missing_files(ctx, world.stranger, course_id=world.course_id)
    with pytest.raises(NotAllowed):
        inventory.list_missing_files(ctx, world.student)


def test_what_has_just_been_handed_in_or_is_not_copied_yet_is_not_looked_for(
    ctx: Context, world: World, clock: Clock
) -> None:
    receipt = builders.submit(ctx, world)
    ctx.storage.delete(paths_of(ctx, receipt.task_id)[0])

    clock.advance(minutes=5)
    inventory.compare_files(ctx)
    assert missing(ctx, world.monitor) == []

    clock.advance(minutes=6)
    inventory.compare_files(ctx)
    assert missing(ctx, world.monitor) == [(FileKind.ORIGINAL, paths_of(ctx, receipt.task_id)[0])]


def test_a_file_that_a_cut_listing_leaves_out_is_not_taken_for_gone(
    ctx: Context, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders.submit(ctx, world)
    clock.advance(hours=1)

    def cut(_folder: str) -> Iterator[StoredFile]:
        return iter(())

    monkeypatch.setattr(ctx.storage, "list_files", cut)
    inventory.compare_files(ctx)

    assert missing(ctx, world.monitor) == []


def test_only_what_no_row_names_is_deleted_and_only_when_it_is_old(
    ctx: Context, world: World, clock: Clock
) -> None:
    receipt = builders.submit(ctx, world)
    builders.carry(ctx)
    named = {*paths_of(ctx, receipt.task_id), image_of(ctx)}
    left = ctx.storage.path("originals", "202603", f"{'0' * 32}.zip")
    ctx.storage.upload(left, io.BytesIO(b"of a submission that never was"))

    clock.moment = utc_now() + timedelta(hours=23)
    assert inventory.compare_files(ctx) == []
    clock.moment = utc_now() + timedelta(hours=25)
    assert inventory.compare_files(ctx) == [left]

    there = {
        file.path
        for folder in ("originals", "attempts", "images")
        for file in ctx.storage.list_files(ctx.storage.path(folder))
    }
    assert named <= there
    assert left not in there


def test_what_is_gone_leaves_the_list_with_the_submission_that_named_it(
    ctx: Context, world: World, clock: Clock
) -> None:
    receipt = builders.submit(ctx, world)
    ctx.storage.delete(paths_of(ctx, receipt.task_id)[0])
    clock.advance(hours=1)
    inventory.compare_files(ctx)
    assert inventory.count_missing_files(ctx, world.monitor) == 1

    assignments.delete_assignment(ctx, world.professor, world.assignment_id, force=True)

    assert inventory.count_missing_files(ctx, world.monitor) == 0


def test_a_submission_that_is_deleted_while_its_file_is_looked_for_is_not_recorded(
    ctx: Context, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = builders.submit(ctx, world)
    ctx.storage.delete(paths_of(ctx, receipt.task_id)[0])
    clock.advance(hours=1)

    def gone(_session: Session, _path: str) -> None:
        if assignments.list_assignments(ctx, world.professor, world.course_id):
            assignments.delete_assignment(ctx, world.professor, world.assignment_id, force=True)

    monkeypatch.setattr(Session, "size", gone)
    inventory.compare_files(ctx)

    assert inventory.count_missing_files(ctx, world.monitor) == 0
