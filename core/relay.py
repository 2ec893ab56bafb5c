"""The loop that carries accepted attempts to the broker: first their copy, then their message.

Both steps are driven by rows alone. Whoever dies half-way is taken over by the next one: a copy is
made again under the same path before anything was published, and a message goes out at least once.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from core.broker import Message, Publisher
from core.context import Context
from core.db import notify
from core.errors import NotFound, Unavailable
from core.models import OutboxMessage, Task, TaskAttempt
from core.services.attempts import OUTBOX_TOPIC, notify_task
from core.wake import Waker

BATCH = 100
"""Messages handed over in one transaction, the stated exception to holding none across a broker."""

FALLBACK_SECONDS = 5.0
"""Longest pause between two looks at the rows when no notification comes."""

_LONGEST_PAUSE = timedelta(minutes=1)

logger = logging.getLogger(__name__)


def run_copies(ctx: Context, waker: Waker) -> None:
    """Copy originals for new attempts until `waker` stops.

    One process at a time does it, and none holds the lock while there is nothing to do.
    """
    while not waker.stopping:
        try:
            with ctx.db.exclusively("copies") as leading:
                while leading and not waker.stopping and copy_next(ctx):
                    pass
        except Unavailable as error:
            logger.warning("copies pause: %s", error)
        waker.wait(OUTBOX_TOPIC, FALLBACK_SECONDS)


def run_relay(ctx: Context, waker: Waker, publisher: Publisher) -> None:
    """Publish what is ready until `waker` stops. Several processes may do it."""
    while not waker.stopping:
        try:
            while publish_batch(ctx, publisher):
                pass
        except Unavailable as error:
            logger.warning("relay pauses: %s", error)
        waker.wait(OUTBOX_TOPIC, FALLBACK_SECONDS)


def copy_next(ctx: Context) -> bool:
    """Make the copy of the oldest attempt that lacks one; False when there is none to be made now.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the attempt stays as it was, to be tried again.

    """
    with ctx.db.transaction() as session:
        row = session.execute(
            select(TaskAttempt, Task.original_path)
            .join(Task, Task.id == TaskAttempt.task_id)
            .where(
                TaskAttempt.copied_at.is_(None),
                TaskAttempt.closed_at.is_(None),
                or_(TaskAttempt.copy_tries == 0, _pause_is_over(ctx)),
            )
            .order_by(TaskAttempt.copy_tries, TaskAttempt.id)
            .limit(1)
        ).one_or_none()
    if row is None:
        return False
    attempt, original = row
    try:
        ctx.storage.copy(original, attempt.file_path)
    except (Unavailable, NotFound) as error:
        _record_copy(ctx, attempt.id, error=str(error))
        raise_if_down(error)
        return True
    _record_copy(ctx, attempt.id, error=None)
    return True


def raise_if_down(error: Exception) -> None:
    """Pass on that a system is down; a file that is gone concerns one task only."""
    if isinstance(error, Unavailable):
        raise error


def _pause_is_over(ctx: Context) -> ColumnElement[bool]:
    pause = func.least(TaskAttempt.copy_tries * timedelta(seconds=2), _LONGEST_PAUSE)
    return TaskAttempt.created_at + pause < ctx.now()


def _record_copy(ctx: Context, attempt_id: int, *, error: str | None) -> None:
    with ctx.db.transaction() as session:
        values = (
            {"copied_at": ctx.now(), "copy_error": None}
            if error is None
            else {"copy_tries": TaskAttempt.copy_tries + 1, "copy_error": error}
        )
        session.execute(update(TaskAttempt).where(TaskAttempt.id == attempt_id).values(**values))
        notify(session, OUTBOX_TOPIC)


def publish_batch(ctx: Context, publisher: Publisher) -> int:
    """Hand the oldest messages whose copy is there to the broker; how many went out.

    Raises:
        BrokerUnavailable, DatabaseUnavailable: all of them stay in the outbox.

    """
    with ctx.db.transaction() as session:
        rows = session.execute(
            select(OutboxMessage, TaskAttempt, Task)
            .join(TaskAttempt, TaskAttempt.id == OutboxMessage.attempt_id)
            .join(Task, Task.id == TaskAttempt.task_id)
            .where(
                OutboxMessage.published_at.is_(None),
                TaskAttempt.copied_at.is_not(None),
                TaskAttempt.closed_at.is_(None),
                or_(OutboxMessage.next_try_at.is_(None), OutboxMessage.next_try_at <= ctx.now()),
            )
            .order_by(OutboxMessage.id)
            .limit(BATCH)
            .with_for_update(of=OutboxMessage, skip_locked=True)
        ).all()
        if not rows:
            return 0
        messages = [Message(row.exchange, row.routing_key, row.body) for row, _, _ in rows]
        outcomes = publisher.publish(session, messages)
        sent = 0
        for (row, attempt, task), problem in zip(rows, outcomes, strict=True):
            sent += _record_outcome(session, ctx, row, attempt, task=task, problem=problem)
        return sent


def _record_outcome(
    session: Session,
    ctx: Context,
    row: OutboxMessage,
    attempt: TaskAttempt,
    *,
    task: Task,
    problem: str | None,
) -> bool:
    row.tries += 1
    row.last_error = problem
    if problem is None:
        row.published_at = attempt.published_at = ctx.now()
    else:
        row.next_try_at = ctx.now() + min(timedelta(seconds=row.tries), _LONGEST_PAUSE)
    notify_task(session, task)
    return problem is None


def start_threads(ctx: Context, publisher: Publisher, waker: Waker) -> list[threading.Thread]:
    """Both loops, each in a thread of its own."""
    threads = [
        threading.Thread(target=run_copies, args=(ctx, waker), name="copies"),
        threading.Thread(target=run_relay, args=(ctx, waker, publisher), name="relay"),
    ]
    for thread in threads:
        thread.start()
    return threads
