"""Accept a submission: from here on it is never lost and has its effect once.

Bytes before rows: the original is on FTP, whole, before the one transaction that makes the task,
its stages, metrics, first attempt and outbox message. A failure in between leaves a file without a
row, which is removed here, or by the sweep if this process dies.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import archive
from core.context import Actor, Context
from core.errors import KeyInUse, NotAllowed, Rejected, StorageUnavailable
from core.models import Task, TaskMetrics
from core.services import receipts
from core.services.attempts import add_log, notify_task, open_attempt
from core.services.receipts import ReceiptFacts
from core.services.submissions.admission import check_admitted, check_names
from core.services.uploads import Measured, measure
from core.vocabulary import StoredAt

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits and capitals without those that are mistaken for each other."""

NAME_LIMIT = 200
"""Characters of the student's file name that are kept, for showing only."""

_IN_TIME = "Submission received and stored"
_LATE = "Submission received after the due date, marked as late, and stored"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a submission was accepted; `code` can be checked without our rows."""

    task_id: int
    assignment_id: int
    reference: str
    file_name: str
    size: int
    sha256: str
    received_at: datetime
    code: str


def check_may_submit(ctx: Context, actor: Actor, assignment_id: int, submit_key: str | None = None) -> None:
    """Refuse a submission before its bytes travel; `submit` checks again.

    One that was accepted under `submit_key` before may always be repeated.

    Raises:
        NotAllowed, NotFound: the actor is no student of the course.
        NotYetOpen, AlreadyClosed, NoMoreSubmissions: the dates and rules of the assignment.

    """
    with ctx.db.transaction() as session:
        if submit_key is None or _find_receipt(session, ctx, actor, submit_key) is None:
            check_admitted(session, actor, assignment_id, ctx.now())


def submit(
    ctx: Context, actor: Actor, assignment_id: int, file: BinaryIO, *, file_name: str, submit_key: str
) -> Receipt:
    """Accept the archive `file` for an assignment, once per `submit_key`.

    `file_name` is what the student calls it; it is shown, never used as a path. The same key
    again, from the same student with the same bytes, answers the first receipt and changes nothing.

    Raises:
        KeyInUse: the key belongs to another file or assignment.
        NotAllowed, NotFound: the actor is no student of the course.
        NotYetOpen, AlreadyClosed, NoMoreSubmissions: the dates and rules of the assignment.
        BadArchive, TooLarge: the file cannot be accepted; nothing was kept.
        StorageUnavailable, DatabaseUnavailable: try again; nothing was accepted.

    """
    received_at = ctx.now()
    with ctx.db.transaction() as session:
        earlier = _find_receipt(session, ctx, actor, submit_key)
        if earlier is None:
            admission = check_admitted(session, actor, assignment_id, received_at)
    if earlier is not None:
        return _same(earlier, assignment_id, measure(file, ctx.settings))
    measured = measure(file, ctx.settings, limit_mb=admission.limit_mb)
    check_names(archive.inspect(file), admission.required_names)
    file.seek(0)
    path = ctx.storage.path("originals", f"{received_at:%Y%m}", f"{secrets.token_hex(16)}.zip")
    ctx.storage.upload(path, file)
    try:
        with ctx.db.transaction() as session:
            admission = check_admitted(session, actor, assignment_id, received_at, lock=True)
            task = _insert_task(
                session,
                actor,
                assignment_id,
                path=path,
                file_name=file_name,
                measured=measured,
                at=received_at,
                submit_key=submit_key,
                is_late=admission.is_late,
            )
            attempt = open_attempt(session, ctx, task, 1)
            add_log(session, attempt, _LATE if admission.is_late else _IN_TIME, at=received_at)
            notify_task(session, task)
            return _receipt(ctx, task)
    except (IntegrityError, Rejected):
        _discard(ctx, path)
        with ctx.db.transaction() as session:
            twin = _find_receipt(session, ctx, actor, submit_key)
        if twin is None:
            raise
        return _same(twin, assignment_id, measured)


def _same(receipt: Receipt, assignment_id: int, measured: Measured) -> Receipt:
    """`receipt`, which the key has got before, if it was for this very submission."""
    if (receipt.assignment_id, receipt.sha256) != (assignment_id, measured.sha256):
        raise KeyInUse
    return receipt


def _insert_task(
    session: Session,
    actor: Actor,
    assignment_id: int,
    *,
    path: str,
    file_name: str,
    measured: Measured,
    at: datetime,
    submit_key: str,
    is_late: bool,
) -> Task:
    if actor.user_id is None:
        raise NotAllowed
    task = Task(
        assignment_id=assignment_id,
        created_by_id=actor.user_id,
        creation_timestamp=at,
        submit_key=submit_key,
        reference="".join(secrets.choice(_ALPHABET) for _ in range(10)),
        original_path=path,
        original_name=_shown_name(file_name),
        original_size=measured.size,
        original_sha256=measured.sha256,
        stored_at=StoredAt.FTP,
        is_late=is_late,
    )
    session.add(task)
    session.flush()
    session.add(TaskMetrics(task_id=task.id))
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


def _find_receipt(session: Session, ctx: Context, actor: Actor, submit_key: str) -> Receipt | None:
    task = session.scalar(
        select(Task).where(Task.created_by_id == actor.user_id, Task.submit_key == submit_key)
    )
    return None if task is None else _receipt(ctx, task)


def _receipt(ctx: Context, task: Task) -> Receipt:
    facts = ReceiptFacts(task.id, task.created_by_id, task.original_sha256, task.creation_timestamp)
    return Receipt(
        task_id=task.id,
        assignment_id=task.assignment_id,
        reference=task.reference,
        file_name=task.original_name,
        size=task.original_size,
        sha256=task.original_sha256,
        received_at=task.creation_timestamp,
        code=receipts.sign(ctx, facts),
    )
