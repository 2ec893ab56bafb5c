"""While the file server is down submissions are accepted all the same, and go on once it is back."""

from __future__ import annotations

import hashlib
import io
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from core.context import ORCHESTRATOR, Context
from core.errors import StorageUnavailable, TooLarge
from core.models import OriginalBytes, QueueMessage, Task
from core.relay import copy_next, run_copies
from core.services import assignments, exports, inventory, originals, reports, requeues, stalled, submissions
from core.services.monitoring import Scope
from core.services.submissions import StudentFilter
from core.storage import Storage, open_storage
from core.sweep import start_thread
from core.vocabulary import StoredAt
from core.wake import Waker
from tests import builders
from tests.builders import World
from tests.conftest import Clock
from tests.waiting import eventually


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


@pytest.fixture
def down(ctx: Context) -> Context:
    """The same world while nobody answers at the file server's address."""
    url = ctx.settings.ftp_url.get_secret_value()
    base = url.split("/", 3)[3]
    return replace(
        ctx,
        storage=open_storage(
            ctx.settings.model_copy(update={"ftp_url": SecretStr(f"ftp://u:p@127.0.0.1:1/{base}")})
        ),
    )


def large() -> io.BytesIO:
    """An archive of several pieces."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("main.gcode", "G28 ; ñ\n" * 400_000)
    made.seek(0)
    return made


def kept_pieces(ctx: Context) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(OriginalBytes)) or 0


def stored_at(ctx: Context, task_id: int) -> str:
    with ctx.db.transaction() as session:
        return session.get_one(Task, task_id).stored_at


def original_of(ctx: Context, world: World, task_id: int) -> bytes:
    return b"".join(submissions.open_original(ctx, world.student, task_id).pieces)


def messages(ctx: Context) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(QueueMessage)) or 0


def test_what_is_handed_in_while_the_file_server_is_down_goes_out_once_it_is_back(
    ctx: Context, down: Context, world: World
) -> None:
    content = large().getvalue()
    receipt = builders.submit(down, world, file=large())

    assert receipt.sha256 == hashlib.sha256(content).hexdigest()
    assert stored_at(ctx, receipt.task_id) == StoredAt.POSTGRES
    assert kept_pieces(ctx) == -(-len(content) // originals.PIECE) > 2
    with pytest.raises(StorageUnavailable):
        copy_next(down)
    assert messages(ctx) == 0

    clock_of(ctx).advance(minutes=1)
    assert builders.carry(ctx) == 1

    assert stored_at(ctx, receipt.task_id) == StoredAt.FTP
    assert kept_pieces(ctx) == 0
    assert original_of(ctx, world, receipt.task_id) == content
    assert messages(ctx) == 1
    assert builders.carry(ctx) == 0


def clock_of(ctx: Context) -> Clock:
    assert isinstance(ctx.now, Clock)
    return ctx.now


def test_a_kept_original_is_read_from_any_byte_on_while_the_file_server_is_down(
    down: Context, world: World
) -> None:
    content = large().getvalue()
    task_id = builders.submit(down, world, file=large()).task_id
    download = submissions.open_original(down, world.student, task_id)

    assert original_of(down, world, task_id) == content
    for offset in (1, originals.PIECE - 1, originals.PIECE, 2 * originals.PIECE + 5, len(content)):
        assert b"".join(download.open_at(offset)) == content[offset:]


def test_a_download_that_is_overtaken_by_the_move_to_the_file_server_is_whole(
    ctx: Context, down: Context, world: World
) -> None:
    content = large().getvalue()
    task_id = builders.submit(down, world, file=large()).task_id
    pieces = submissions.open_original(ctx, world.student, task_id).pieces
    first = next(pieces)

    originals.bring_over(ctx, task_id)

    assert first + b"".join(pieces) == content


def test_pressed_many_times_while_the_file_server_is_down_it_is_one_task(down: Context, world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        receipts = set(pool.map(lambda _: builders.submit(down, world, key="same").task_id, range(8)))

    assert len(receipts) == 1
    assert kept_pieces(down) == 1


def test_two_who_bring_it_over_at_once_leave_one_whole_original(
    ctx: Context, down: Context, world: World
) -> None:
    content = large().getvalue()
    task_id = builders.submit(down, world, file=large()).task_id

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: originals.bring_over(ctx, task_id), range(4)))

    assert stored_at(ctx, task_id) == StoredAt.FTP
    assert original_of(ctx, world, task_id) == content
    assert kept_pieces(ctx) == 0


def test_what_is_refused_is_refused_without_the_file_server_and_leaves_nothing(
    down: Context, world: World
) -> None:
    small = builders.with_settings(down, down.settings.model_copy(update={"max_upload_mb": 1}))

    with pytest.raises(TooLarge):
        builders.submit(small, world, file=large())

    assert kept_pieces(down) == 0


def test_when_so_much_is_kept_that_no_more_fits_the_student_is_told_to_come_back(
    down: Context, world: World
) -> None:
    narrow = builders.with_settings(down, down.settings.model_copy(update={"spill_mb": 5}))
    first = builders.submit(narrow, world, key="1", file=large())

    with pytest.raises(StorageUnavailable):
        builders.submit(narrow, world, key="2", file=large())

    assert [task.id for task in submissions.list_my_tasks(down, world.student)] == [first.task_id]
    builders.submit(narrow, world, key="3")  # a small one still fits


def test_a_requeue_while_the_original_is_kept_runs_from_it(ctx: Context, down: Context, world: World) -> None:
    task_id = builders.submit(down, world).task_id
    builders.fail(down, ORCHESTRATOR, task_id)
    requeues.requeue(down, world.monitor, task_id)
    clock_of(ctx).advance(minutes=2)

    assert builders.carry(ctx) == 1

    assert stored_at(ctx, task_id) == StoredAt.FTP
    assert submissions.get_task(ctx, world.student, task_id).current.number == 2


def test_what_no_attempt_waits_for_is_brought_over_by_the_sweep(
    ctx: Context, down: Context, world: World
) -> None:
    task_id = builders.submit(down, world).task_id

    originals.bring_over_left_behind(ctx)
    assert stored_at(ctx, task_id) == StoredAt.POSTGRES
    clock_of(ctx).advance(minutes=11)
    originals.bring_over_left_behind(ctx)

    assert stored_at(ctx, task_id) == StoredAt.FTP
    assert originals.count_kept(ctx) == 0


def test_an_assignment_deleted_meanwhile_takes_what_was_kept_with_it(
    ctx: Context, down: Context, world: World
) -> None:
    task_id = builders.submit(down, world).task_id

    assignments.delete_assignment(down, world.professor, world.assignment_id, force=True)
    originals.bring_over(ctx, task_id)

    assert kept_pieces(ctx) == 0
    assert list(ctx.storage.list_files(ctx.storage.path("originals"))) == []


def test_what_is_kept_is_in_an_export_and_is_not_taken_for_missing(
    ctx: Context, down: Context, world: World
) -> None:
    content = builders.archive().getvalue()
    builders.submit(down, world)
    clock_of(ctx).advance(hours=1)
    inventory.compare_files(ctx)

    wanted = StudentFilter(assignment_id=world.assignment_id)
    packed = b"".join(exports.open_archive(ctx, world.professor, wanted, exports.Contents.ORIGINALS).pieces)

    assert inventory.list_missing_files(ctx, world.monitor) == []
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".zip")]
        assert archive.read(name) == content


def test_what_went_silent_is_found_while_the_file_server_is_down(
    ctx: Context, down: Context, world: World
) -> None:
    silent = builders.submit(ctx, world, key="1").task_id
    builders.carry(ctx)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, silent, {"PARSING": "IN_PROGRESS"})
    builders.submit(down, world, key="2")
    clock_of(ctx).advance(hours=2)
    waker = Waker(down.db)
    waker.start()
    sweeping = start_thread(down, waker)

    try:
        eventually(
            lambda: [row.task_id for row in stalled.list_stalled(ctx, world.monitor, Scope())] == [silent]
        )
    finally:
        waker.stop()
        sweeping.join(60)

    assert originals.count_kept(ctx) == 1


def test_a_missing_original_is_tried_ever_more_seldom_and_the_loop_does_not_wake_itself(
    ctx: Context, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = builders.submit(ctx, world).task_id
    ctx.storage.delete(path_of(ctx, task_id))
    tries: list[str] = []
    copy = Storage.copy

    def counted(self: Storage, *paths: str) -> None:
        tries.append(paths[0])
        copy(self, *paths)

    monkeypatch.setattr(Storage, "copy", counted)
    clock_of(ctx).advance(minutes=5)
    waker = Waker(ctx.db)
    waker.start()
    copying = threading.Thread(target=run_copies, args=(ctx, waker))
    copying.start()

    try:
        eventually(lambda: tries)
        time.sleep(1)
        assert len(tries) == 1, "the pause is counted from the last try"
    finally:
        waker.stop()
        copying.join(30)

    pauses: list[int] = []
    for _ in range(8):
        waited = 0
        while len(tries) == len(pauses) + 1:
            clock_of(ctx).advance(seconds=1)
            waited += 1
            copy_next(ctx)
        pauses.append(waited)
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]


def path_of(ctx: Context, task_id: int) -> str:
    with ctx.db.transaction() as session:
        return session.get_one(Task, task_id).original_path
