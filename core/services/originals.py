"""Where the bytes of an original are: on FTP, or in Postgres while FTP is down.

What can be accepted is accepted without the file server. Its bytes are kept in pieces, in the transaction
that makes the task, and are brought over once the server is back (docs/decisions/0021).
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Generator
from datetime import timedelta
from typing import BinaryIO

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from core.context import Context
from core.errors import StorageUnavailable
from core.models import OriginalBytes, Task
from core.vocabulary import StoredAt

PIECE = 1_000_000
"""Bytes of a row: neither we nor Postgres ever hold a whole archive."""

LEFT_BEHIND_AFTER = timedelta(minutes=10)
"""Age at which an original that no attempt waits for is brought over all the same."""

logger = logging.getLogger(__name__)


def store(ctx: Context, file: BinaryIO, path: str) -> StoredAt:
    """Put `file` at `path` on FTP; `POSTGRES` when that is down, and then `keep` has to keep it."""
    file.seek(0)
    try:
        ctx.storage.upload(path, file)
    except StorageUnavailable as error:
        logger.warning("an original is kept in Postgres: %s", error)
        return StoredAt.POSTGRES
    return StoredAt.FTP


def keep(session: Session, ctx: Context, task: Task, file: BinaryIO) -> None:
    """Keep the bytes of `task`, a row of this transaction, until the file server is back.

    Raises:
        StorageUnavailable: so much is kept already that there is no room for more.

    """
    kept = select(func.sum(Task.original_size)).where(Task.stored_at == StoredAt.POSTGRES)
    if (session.scalar(kept) or 0) > ctx.settings.spill_mb * 1_000_000:
        raise StorageUnavailable
    file.seek(0)
    for part, content in enumerate(iter(lambda: file.read(PIECE), b"")):
        session.execute(insert(OriginalBytes).values(task_id=task.id, part=part, content=content))


def bring_over(ctx: Context, task_id: int) -> None:
    """Move a kept original to FTP, one mover at a time. What is there already, or is gone, is left as it is.

    Raises:
        StorageUnavailable, DatabaseUnavailable: it stays kept.

    """
    with ctx.db.exclusively(f"original {task_id}", wait=True):
        with ctx.db.transaction() as session:
            task = session.get(Task, task_id)
        if task is None or task.stored_at != StoredAt.POSTGRES:
            return
        with tempfile.TemporaryFile() as file:
            for piece in _kept_pieces(ctx, task_id, 0):
                file.write(piece)
            file.seek(0)
            ctx.storage.upload(task.original_path, file)
        with ctx.db.transaction() as session:
            session.execute(update(Task).where(Task.id == task_id).values(stored_at=StoredAt.FTP))
            session.execute(delete(OriginalBytes).where(OriginalBytes.task_id == task_id))


def bring_over_left_behind(ctx: Context) -> None:
    """Move the kept originals that no attempt waits for, such as those of attempts that were given up.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the rest stays kept.

    """
    with ctx.db.transaction() as session:
        old = Task.creation_timestamp < ctx.now() - LEFT_BEHIND_AFTER
        waiting = session.scalars(
            select(Task.id).where(Task.stored_at == StoredAt.POSTGRES, old).order_by(Task.id)
        ).all()
    for task_id in waiting:
        bring_over(ctx, task_id)


def count_kept(ctx: Context) -> int:
    """How many originals wait in Postgres for the file server."""
    with ctx.db.transaction() as session:
        query = select(func.count()).select_from(Task).where(Task.stored_at == StoredAt.POSTGRES)
        return session.scalar(query) or 0


def stream(ctx: Context, task: Task, offset: int = 0) -> Generator[bytes, None, None]:
    """The bytes of an original from `offset` on, in pieces, wherever they are.

    Raises:
        NotFound, StorageUnavailable: as `Storage.stream`.

    """
    if task.stored_at == StoredAt.FTP:
        return ctx.storage.stream(task.original_path, offset)
    return _stream_kept(ctx, task, offset)


def _stream_kept(ctx: Context, task: Task, offset: int) -> Generator[bytes, None, None]:
    position = offset
    for piece in _kept_pieces(ctx, task.id, offset):
        yield piece
        position += len(piece)
    if position < task.original_size:  # it has been brought over meanwhile
        yield from ctx.storage.stream(task.original_path, position)


def _kept_pieces(ctx: Context, task_id: int, offset: int) -> Generator[bytes, None, None]:
    """What is kept from `offset` on, each piece read in a transaction of its own."""
    part, skipped = divmod(offset, PIECE)
    while True:
        with ctx.db.transaction() as session:
            content = session.scalar(
                select(OriginalBytes.content).where(
                    OriginalBytes.task_id == task_id, OriginalBytes.part == part
                )
            )
        if content is None:
            return
        yield bytes(content)[skipped:]
        part, skipped = part + 1, 0
