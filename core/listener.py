"""The loop that listens to the orchestrator: reports from RabbitMQ, applied by the batch.

A batch is one transaction and is acknowledged after its commit. Whoever dies in between is handed
the batch again and knows what was applied but not acknowledged; what the broker has taken note of is
written down with the next batch, or at once when there is none. While Postgres is down the
batch waits in hand; the connection to the broker lives on in a thread of its own.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence

from sqlalchemy.exc import DBAPIError

from core.broker import ReportIntake
from core.context import ORCHESTRATOR, Context
from core.errors import BrokerUnavailable, DatabaseUnavailable
from core.services import reports
from core.wake import Waker
from core.wire.reports import Report, Unreadable, read_report

_LOOK_SECONDS = 0.5
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 15.0
_TOPIC = "listener"

_POISON = (DBAPIError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What one report may trip, in the database or in our own code, without stopping the rest."""

Read = Report | Unreadable

logger = logging.getLogger(__name__)


class Pauses:
    """Growing, random pauses between tries; `reset` after a success."""

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self._tries = 0

    def take(self) -> None:
        """Wait, longer than the last time, or until the process ends."""
        longest = min(_FIRST_PAUSE * 2**self._tries, _LONGEST_PAUSE)
        self._tries = min(self._tries + 1, 16)
        self._waker.wait(_TOPIC, random.uniform(longest / 2, longest))  # noqa: S311  jitter

    def reset(self) -> None:
        """The next pause is short again."""
        self._tries = 0


def run_listener(ctx: Context, waker: Waker) -> None:
    """Apply reports until `waker` stops. Several processes may do it."""
    pauses = Pauses(waker)
    while not waker.stopping:
        try:
            intake: ReportIntake[Read] = ReportIntake(ctx.settings, ctx.settings.report_prefetch, _read)
        except BrokerUnavailable as error:
            logger.warning("listener waits: %s", error)
            pauses.take()
            continue
        try:
            _listen(ctx, waker, intake, pauses.reset)
        except (BrokerUnavailable, DatabaseUnavailable) as error:
            logger.warning("listener connects again: %s", error)
            pauses.take()
        finally:
            intake.close()


def _read(body: bytes, key: str, redelivered: bool) -> Read:
    return read_report(body, key, redelivered=redelivered)


def _listen(ctx: Context, waker: Waker, intake: ReportIntake[Read], on_success: Callable[[], None]) -> None:
    logger.info("listener takes reports")
    done: list[Read] = []
    try:
        while not waker.stopping:
            waker.beat(_LOOK_SECONDS)
            batch = intake.take(ctx.settings.report_batch, 0 if done else _LOOK_SECONDS)
            if batch:
                read = [entry.content for entry in batch]
                _apply(ctx, waker, intake, read, done)
                intake.acknowledge(batch)
                done.extend(read)
                on_success()
            else:
                _note(ctx, done)
    finally:
        _note(ctx, done)


def _note(ctx: Context, done: list[Read]) -> None:
    """Write down that the broker knows of `done`, and empty it."""
    if done:
        reports.note_acknowledged(ctx, ORCHESTRATOR, done)
        done.clear()


def _apply(
    ctx: Context, waker: Waker, intake: ReportIntake[Read], batch: Sequence[Read], done: list[Read]
) -> None:
    """Apply `batch`; halves of it, down to single reports, where it fails as a whole.

    `done`: what the broker knows to be done; it is written down with the batch, and emptied.

    Raises:
        BrokerUnavailable: the batch is not ours any more.
        DatabaseUnavailable: the process ends before Postgres is back; nothing was acknowledged.

    """
    pauses = Pauses(waker)
    waiting: deque[tuple[Sequence[Read], bool]] = deque([(batch, False)])
    while waiting:
        part, again = waiting.popleft()
        try:
            reports.apply_reports(ctx, ORCHESTRATOR, part, again=again, held=True, acknowledged=done)
            done.clear()
        except DatabaseUnavailable as error:
            logger.warning("listener holds %d reports: %s", len(part), error)
            if waker.stopping:
                raise
            pauses.take()
            intake.check()
            waiting.appendleft((part, True))
        except _POISON:
            middle = len(part) // 2
            if middle:
                waiting.extendleft([(part[middle:], again), (part[:middle], again)])
            else:
                logger.exception("a report under %s is parked", part[0].envelope.key)
                reports.park_report(ctx, ORCHESTRATOR, part[0])


def start_listener(ctx: Context, waker: Waker) -> threading.Thread:
    """The loop in a thread of its own."""
    thread = threading.Thread(target=run_listener, args=(ctx, waker), name="listener")
    thread.start()
    return thread
