"""The loop that watches what we depend on, so that a trouble of the night can be read in the morning."""

from __future__ import annotations

import logging
import threading

from core.context import Context
from core.errors import Unavailable
from core.services.health import LastError, find_errors, keep_errors
from core.wake import Waker

EVERY_SECONDS = 15.0

logger = logging.getLogger(__name__)


def run_watch(ctx: Context, waker: Waker, every: float = EVERY_SECONDS) -> None:
    """Look at each component and record what is wrong, until `waker` stops.

    While Postgres itself is away, the errors are held here. The first look is taken after a moment:
    what starts together with us needs one.
    """
    held: dict[str, LastError] = {}
    waker.pause(every)
    while not waker.stopping:
        held |= {error.component: error for error in find_errors(ctx)}
        try:
            keep_errors(ctx, held.values())
            held.clear()
        except Unavailable as error:
            logger.warning("errors are recorded later: %s", error)
        waker.pause(every)


def start_thread(ctx: Context, waker: Waker) -> threading.Thread:
    """`run_watch` in a thread of its own."""
    thread = threading.Thread(target=run_watch, args=(ctx, waker), name="watch")
    thread.start()
    return thread
