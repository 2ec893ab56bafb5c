"""The loop that carries accepted attempts to the broker: first their copy, then their message.

Both steps are driven by rows alone. Whoever dies half-way is taken over by the next one: a copy is
made again under the same path before anything was published, and a message goes out at least once.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from core.broker import Publisher
from core.context import Context
from core.db import notify
from core.errors import NotFound, Unavailable
from core.logs import REQUEST_ID
from core.models import OutboxMessage, Task, TaskAttempt
from core.services import originals
from core.services.attempts import OUTBOX_TOPIC, notify_tasks
from core.services.definitions import DEFINITIONS_TOPIC
from core.services.queueing import Chosen, choose_next
from core.vocabulary import StoredAt
from core.wake import Waker

BATCH = 500
"""Messages handed over in one transaction, the stated exception to holding none across a broker.

RabbitMQ confirms as many at once, and one choice of who goes next serves them all.
"""

FALLBACK_SECONDS = 5.0
"""Longest pause between two looks at the rows when no notification comes."""

_RETRY_SECONDS = 2.0
"""Longest pause before a broker that was away is asked again, however many submissions come in."""

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
                    waker.beat(0)
        except Unavailable as error:
            logger.warning("copies pause: %s", error)
            waker.pause(random.uniform(_RETRY_SECONDS / 2, _RETRY_SECONDS))  # noqa: S311  no secret
            continue
        waker.wait(OUTBOX_TOPIC, FALLBACK_SECONDS)


def run_relay(ctx: Context, waker: Waker, publisher: Publisher) -> None:
    """Publish what is ready until `waker` stops. Several processes may do it."""
    while not waker.stopping:
        try:
            while publish_batch(ctx, publisher):
                waker.beat(0)
        except Unavailable as error:
            logger.warning("relay pauses: %s", error)
            waker.pause(random.uniform(_RETRY_SECONDS / 2, _RETRY_SECONDS))  # noqa: S311  no secret
            continue
        waker.wait(OUTBOX_TOPIC, FALLBACK_SECONDS)


def copy_next(ctx: Context) -> bool:
    """Make the copy of the oldest attempt that lacks one; False when there is none to be made now.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the attempt stays as it was, to be tried again.

    """
    with ctx.db.transaction() as session:
        row = session.execute(
            select(TaskAttempt, Task.original_path, Task.stored_at)
            .join(Task, Task.id == TaskAttempt.task_id)
            .where(
                TaskAttempt.copied_at.is_(None),
                TaskAttempt.closed_at.is_(None),
                or_(TaskAttempt.copy_next_try_at.is_(None), TaskAttempt.copy_next_try_at <= ctx.now()),
            )
            .order_by(TaskAttempt.copy_tries, TaskAttempt.id)
            .limit(1)
        ).one_or_none()
    if row is None:
        return False
    attempt, original, stored_at = row
    try:
        if stored_at == StoredAt.POSTGRES:
            originals.bring_over(ctx, attempt.task_id)
        ctx.storage.copy(original, attempt.file_path)
    except (Unavailable, NotFound) as error:
        _record_failure(ctx, attempt, error)
        raise_if_down(error)
        return True
    _record_copy(ctx, attempt.id)
    return True


def raise_if_down(error: Exception) -> None:
    """Pass on that a system is down; a file that is gone concerns one task only."""
    if isinstance(error, Unavailable):
        raise error


def _record_failure(ctx: Context, attempt: TaskAttempt, error: Exception) -> None:
    """Have the copy tried again: soon when a system is down, ever later when the original is gone.

    Nothing is notified: the loop would wake itself.
    """
    pause = min(timedelta(seconds=2 ** min(attempt.copy_tries + 1, 10)), _LONGEST_PAUSE)
    if isinstance(error, Unavailable):
        pause = timedelta(seconds=_RETRY_SECONDS)
    with ctx.db.transaction() as session:
        session.execute(
            update(TaskAttempt)
            .where(TaskAttempt.id == attempt.id)
            .values(
                copy_tries=TaskAttempt.copy_tries + 1,
                copy_error=str(error),
                copy_next_try_at=ctx.now() + pause,
            )
        )
        notify_tasks(session, [attempt.task_id])


def _record_copy(ctx: Context, attempt_id: int) -> None:
    with ctx.db.transaction() as session:
        session.execute(
            update(TaskAttempt)
            .where(TaskAttempt.id == attempt_id)
            .values(copied_at=ctx.now(), copy_error=None, copy_next_try_at=None)
        )
        notify(session, OUTBOX_TOPIC)


def publish_batch(ctx: Context, publisher: Publisher) -> int:
    """Hand the messages whose turn it is to the broker; how many went out.

    Raises:
        BrokerUnavailable, DatabaseUnavailable: all of them stay in the outbox.

    """
    with ctx.db.transaction() as session:
        chosen = choose_next(session, ctx, BATCH)
        if not chosen:
            return 0
        outcomes = publisher.publish(session, [one.message for one in chosen])
        pairs = list(zip(chosen, outcomes, strict=True))
        sent = [one for one, problem in pairs if problem is None]
        _record_sent(session, ctx, sent)
        for one, problem in pairs:
            if problem is not None:
                _record_problem(session, ctx, one, problem)
        if len(sent) < len(chosen):
            notify(session, DEFINITIONS_TOPIC)  # a broker that has lost what it had is set up again
        notify_tasks(session, [one.task_id for one in chosen])
    for one in sent:
        with bound_contextvars(**{REQUEST_ID: one.request_id} if one.request_id else {}):
            logger.info("published task_id=%d attempt_id=%d", one.task_id, one.attempt_id)
    return len(sent)


def _record_sent(session: Session, ctx: Context, sent: Sequence[Chosen]) -> None:
    # Nodes are at work on these already, and reports about many of them may be applied this moment. Both
    # sides lock by id first: in a deadlock all of this would be undone, and every message go out twice.
    attempts = select(TaskAttempt.id).where(TaskAttempt.id.in_([one.attempt_id for one in sent]))
    session.execute(attempts.order_by(TaskAttempt.id).with_for_update(key_share=True))
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id.in_([one.outbox_id for one in sent]))
        .values(published_at=ctx.now(), tries=OutboxMessage.tries + 1, last_error=None)
    )
    session.execute(
        update(TaskAttempt)
        .where(TaskAttempt.id.in_([one.attempt_id for one in sent]))
        .values(published_at=ctx.now())
    )


def _record_problem(session: Session, ctx: Context, one: Chosen, problem: str) -> None:
    tries = one.tries + 1
    pause = min(timedelta(seconds=tries), _LONGEST_PAUSE)
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == one.outbox_id)
        .values(tries=tries, last_error=problem, next_try_at=ctx.now() + pause)
    )


def start_threads(ctx: Context, publisher: Publisher, waker: Waker) -> list[threading.Thread]:
    """Both loops, each in a thread of its own."""
    threads = [
        threading.Thread(target=run_copies, args=(ctx, waker), name="copies"),
        threading.Thread(target=run_relay, args=(ctx, waker, publisher), name="relay"),
    ]
    for thread in threads:
        thread.start()
    return threads
