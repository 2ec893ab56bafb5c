"""Files on FTP that nothing needs any more.

They are noted in the transaction that makes them superfluous and deleted after its commit: at once
where that is possible, else by the sweep. So a file is never gone while a row still needs it, and
none stays for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.context import Context
from core.db import notify
from core.errors import DatabaseUnavailable, StorageUnavailable, Unavailable
from core.models import UnneededFile

SWEEP_TOPIC = "sweep"
"""What wakes the sweep: there are files to be deleted."""

AT_ONCE = 100
"""Files that are deleted while a person waits, some tenths of a second; the sweep does the rest."""

_BATCH = 500

logger = logging.getLogger(__name__)


def note_unneeded(session: Session, ctx: Context, paths: Collection[str]) -> None:
    """Have the files `paths` deleted once this transaction is committed."""
    if not paths:
        return
    rows = [{"path": path, "noted_at": ctx.now()} for path in paths]
    session.execute(insert(UnneededFile).on_conflict_do_nothing(), rows)
    notify(session, SWEEP_TOPIC)


def remove_noted(ctx: Context, *, limit: int | None = None) -> int:
    """Delete files that were noted, at most `limit`; how many.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the rest stays noted.

    """
    removed = 0
    while limit is None or removed < limit:
        with ctx.db.transaction() as session:
            batch = min(_BATCH, limit - removed if limit is not None else _BATCH)
            paths = session.scalars(select(UnneededFile.path).order_by(UnneededFile.noted_at).limit(batch))
            waiting = list(paths)
        if not waiting:
            break
        _delete(ctx, waiting)
        removed += len(waiting)
    return removed


def remove_soon(ctx: Context) -> None:
    """Delete a few of the noted files now; what cannot be is left to the sweep."""
    try:
        remove_noted(ctx, limit=AT_ONCE)
    except Unavailable as error:
        logger.warning("files without a row are left to the sweep: %s", error)


@contextmanager
def removed_on_failure(ctx: Context) -> Iterator[list[str]]:
    """A list for the paths of files that the block stores: they are deleted again if it fails.

    When Postgres goes away, whether the rows came to be is not known; the daily sweep, which looks
    for files without a row, decides it then.
    """
    paths: list[str] = []
    try:
        yield paths
    except DatabaseUnavailable:
        logger.warning("perhaps without a row, for the daily sweep: %s", ", ".join(paths))
        raise
    except BaseException:
        _discard(ctx, paths)
        raise


def _discard(ctx: Context, paths: list[str]) -> None:
    try:
        with ctx.storage.session() as files:
            for path in paths:
                files.delete(path)
    except StorageUnavailable:
        _note_for_later(ctx, paths)


def _note_for_later(ctx: Context, paths: list[str]) -> None:
    try:
        with ctx.db.transaction() as session:
            note_unneeded(session, ctx, paths)
    except Unavailable:
        logger.warning("files without a row, for the daily sweep: %s", ", ".join(paths))


def _delete(ctx: Context, paths: list[str]) -> None:
    done: list[str] = []
    try:
        with ctx.storage.session() as files:
            for path in paths:
                files.delete(path)
                done.append(path)
    finally:
        with ctx.db.transaction() as session:
            session.execute(delete(UnneededFile).where(UnneededFile.path.in_(done)))
