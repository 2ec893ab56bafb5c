"""Accept an archive: from here on it is never lost and has its effect once.

Bytes before rows: the original is on FTP, whole, before the one transaction that makes the task,
its stages, metrics, first attempt and outbox message. A failure in between leaves a file without a
row, which is removed here or, when it is not known whether the row came to be, written over by the next
try; the sweep removes what is left. While FTP is down the bytes are part of the transaction.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import archive
from core.context import Actor, Context
from core.errors import DatabaseUnavailable, KeyInUse, NotAllowed, Rejected, StorageUnavailable
from core.models import Task, TaskMetrics
from core.services import originals, receipts
from core.services.attempts import add_log, notify_task, open_attempt
from core.services.receipts import ReceiptFacts
from core.services.submissions.admission import check_names
from core.services.submissions.retries import UnrecordedPaths
from core.services.uploads import Measured, measure
from core.vocabulary import StoredAt

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits and capitals without those that are mistaken for each other."""

NAME_LIMIT = 200
"""Characters of the person's file name that are kept, for showing only."""

_UNRECORDED = UnrecordedPaths()

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an archive goes: to an assignment, or to a definition that is tried."""

    assignment_id: int | None = None
    dry_run_of: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What an archive is accepted under. `said` is the first line of its log."""

    said: str
    is_late: bool = False
    limit_mb: int = 0
    """0: the platform's own limit."""
    required_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Original:
    """An archive that was checked, and where its bytes are or, in Postgres, are going to be."""

    path: str
    file_name: str
    measured: Measured
    received_at: datetime
    submit_key: str
    stored_at: StoredAt


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that an archive was accepted; `code` can be checked without our rows."""

    task_id: int
    place: Place
    reference: str
    file_name: str
    size: int
    sha256: str
    received_at: datetime
    code: str


def accept(
    ctx: Context,
    actor: Actor,
    place: Place,
    file: BinaryIO,
    *,
    file_name: str,
    submit_key: str,
    admit: Callable[[Session, datetime, bool], Terms],
) -> Receipt:
    """Accept the archive `file`, once per `submit_key`.

    `admit` says under which terms, or raises; it is asked before the bytes are stored and, with True,
    again in the transaction that makes the rows.

    Raises:
        KeyInUse: the key belongs to another file or place.
        BadArchive, TooLarge: the file cannot be accepted; nothing was kept.
        StorageUnavailable: FTP is down, and no more can be kept meanwhile; nothing was accepted.
        DatabaseUnavailable: try again; nothing was accepted.

    """
    at = ctx.now()
    with ctx.db.transaction() as session:
        earlier = find_receipt(session, ctx, actor, submit_key)
        terms = None if earlier is not None else admit(session, at, False)
    if earlier is not None or terms is None:
        return _same(earlier, place, measure(file, ctx.settings))
    measured = measure(file, ctx.settings, limit_mb=terms.limit_mb)
    check_names(archive.inspect(file), terms.required_names)
    folder = ctx.storage.path("originals", f"{at:%Y%m}")
    submission = (folder, actor.user_id, place, submit_key, measured.sha256)
    again = _UNRECORDED.take(submission, at)
    path = again or f"{folder}/{secrets.token_hex(16)}.zip"
    stored_at = originals.store(ctx, file, path)
    original = _Original(path, file_name, measured, at, submit_key, stored_at)
    try:
        with ctx.db.transaction() as session:
            terms = admit(session, at, True)
            task = _insert_task(session, actor, place, original, is_late=terms.is_late)
            if stored_at is StoredAt.POSTGRES:
                originals.keep(session, ctx, task, file)
            return _record(session, ctx, task, terms.said)
    except DatabaseUnavailable:
        _UNRECORDED.keep(submission, path, at)
        raise
    except (IntegrityError, Rejected):
        if stored_at is StoredAt.FTP and again is None:  # else an earlier try may own the file after all
            _discard(ctx, path)
        with ctx.db.transaction() as session:
            twin = find_receipt(session, ctx, actor, submit_key)
        if twin is None:
            raise
        return _same(twin, place, measured)


def _same(receipt: Receipt | None, place: Place, measured: Measured) -> Receipt:
    """`receipt`, which the key has got before, if it was for this very submission."""
    if receipt is None or (receipt.place, receipt.sha256) != (place, measured.sha256):
        raise KeyInUse
    return receipt


def _record(session: Session, ctx: Context, task: Task, said: str) -> Receipt:
    """Add what belongs to a new task: with the commit of `session` it is accepted."""
    session.add(TaskMetrics(task_id=task.id))
    attempt = open_attempt(session, ctx, task, 1)
    add_log(session, attempt, said, at=task.creation_timestamp)
    notify_task(session, task)
    return _receipt(ctx, task)


def _insert_task(session: Session, actor: Actor, place: Place, original: _Original, *, is_late: bool) -> Task:
    if actor.user_id is None:
        raise NotAllowed
    task = Task(
        assignment_id=place.assignment_id,
        dry_run_of=place.dry_run_of,
        created_by_id=actor.user_id,
        creation_timestamp=original.received_at,
        submit_key=original.submit_key,
        reference="".join(secrets.choice(_ALPHABET) for _ in range(10)),
        original_path=original.path,
        original_name=_shown_name(original.file_name),
        original_size=original.measured.size,
        original_sha256=original.measured.sha256,
        stored_at=original.stored_at,
        is_late=is_late,
    )
    session.add(task)
    session.flush()
    return task


def _shown_name(file_name: str) -> str:
    """The last part of what a browser sent, printable and of bounded length."""
    last = file_name.replace("\\", "/").rsplit("/", 1)[-1]
    return (
        "".join(character for character in last if character.isprintable())[:NAME_LIMIT] or "submission.zip"
    )


def _discard(ctx: Context, path: str) -> None:
    """Remove a file that has no row; when that fails the sweep will do it."""
    try:
        ctx.storage.delete(path)
    except StorageUnavailable:
        logger.warning("left to the sweep: %s", path)


def find_receipt(session: Session, ctx: Context, actor: Actor, submit_key: str) -> Receipt | None:
    """What `actor` has got for this key before."""
    task = session.scalar(
        select(Task).where(Task.created_by_id == actor.user_id, Task.submit_key == submit_key)
    )
    return None if task is None else _receipt(ctx, task)


def _receipt(ctx: Context, task: Task) -> Receipt:
    facts = ReceiptFacts(task.id, task.created_by_id, task.original_sha256, task.creation_timestamp)
    return Receipt(
        task_id=task.id,
        place=Place(task.assignment_id, task.dry_run_of),
        reference=task.reference,
        file_name=task.original_name,
        size=task.original_size,
        sha256=task.original_sha256,
        received_at=task.creation_timestamp,
        code=receipts.sign(ctx, facts),
    )
