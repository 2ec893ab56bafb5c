"""The loop that tidies: files on FTP that no row knows, and what has expired."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from sqlalchemy import delete

from core.context import PLATFORM, Context
from core.errors import Unavailable
from core.models import (
    AppliedReport,
    Heartbeat,
    IdempotencyRecord,
    LoginTicket,
    OneTimeLink,
    OutgoingMail,
    Registration,
    SignInFailure,
)
from core.services import dry_runs, heartbeats, originals, repeated_runs
from core.services.inventory import compare_files
from core.services.leftovers import SWEEP_TOPIC, remove_noted
from core.services.stalled import mark_stalled
from core.services.tallies import count_days
from core.wake import Waker

GRACE = timedelta(hours=24)
"""How long what has expired is kept for those who look for it."""

EVERY = timedelta(hours=1)

RETRY_SECONDS = 60.0
"""Longest pause until what could not be deleted is tried again."""

MAILS_KEPT = timedelta(days=30)
"""How long one can look up what became of a mail."""

REPORTS_REMEMBERED = timedelta(days=7)
"""How long a report that was applied is known when it is delivered again: longer than any broker is down."""

DAYS_AT_ONCE = 30
"""Days that are counted in one turn, so that a long past does not hold up the rest."""

logger = logging.getLogger(__name__)


def run_sweep(ctx: Context, waker: Waker) -> None:
    """Delete noted files as they come, find stalled tasks, count the days that are over, until `waker` stops.

    Once an hour it tidies.
    """
    next_round = ctx.now()
    while not waker.stopping:
        try:
            if stalled := mark_stalled(ctx, PLATFORM):
                logger.warning("nothing is heard of the tasks %s", stalled)
            if looping := repeated_runs.mark_crash_loops(ctx, PLATFORM):
                logger.warning("crash without end: tasks %s", looping)
            count_days(ctx, PLATFORM, limit=DAYS_AT_ONCE)
            remove_noted(ctx)  # from here on it needs the file server
            originals.bring_over_left_behind(ctx)
            if lacking := repeated_runs.check_results(ctx, PLATFORM):
                logger.warning("results lack files of the submission: tasks %s", lacking)
            if ctx.now() >= next_round:
                expire(ctx)
                removed = compare_files(ctx)
                logger.info("sweep removed %d files without a row", len(removed))
                next_round = ctx.now() + EVERY
        except Unavailable as error:
            logger.warning("sweep waits for its next turn: %s", error)
        waker.wait(SWEEP_TOPIC, RETRY_SECONDS)


def expire(ctx: Context) -> None:
    """Forget what is of no use any more: old dry runs, keys, tickets, failed sign-ins, digests of reports."""
    with ctx.db.transaction() as session:
        dry_runs.remove_old(session, ctx)
        session.execute(
            delete(AppliedReport).where(AppliedReport.applied_at < ctx.now() - REPORTS_REMEMBERED)
        )
        session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.created_at < ctx.now() - GRACE))
        session.execute(delete(LoginTicket).where(LoginTicket.expires_at < ctx.now() - GRACE))
        session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at < ctx.now() - GRACE))
        session.execute(delete(OutgoingMail).where(OutgoingMail.created_at < ctx.now() - MAILS_KEPT))
        session.execute(delete(Registration).where(Registration.created_at < ctx.now() - MAILS_KEPT))
        session.execute(delete(Heartbeat).where(Heartbeat.at < ctx.now() - heartbeats.KEPT))
        session.execute(delete(SignInFailure).where(SignInFailure.at < ctx.now() - GRACE))


def start_thread(ctx: Context, waker: Waker) -> threading.Thread:
    """`run_sweep` in a thread of its own."""
    thread = threading.Thread(target=run_sweep, args=(ctx, waker), name="sweep")
    thread.start()
    return thread
