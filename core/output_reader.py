"""The loop that reads the outputs of failed stages, so that failures are grouped by their first error."""

from __future__ import annotations

import logging
import threading

from core.context import PLATFORM, Context
from core.errors import Unavailable
from core.services.attempts import OUTPUTS_TOPIC
from core.services.reports.outputs import read_next_output
from core.wake import Waker

FALLBACK_SECONDS = 15.0
"""Longest pause between two looks at the rows when no notification comes."""

logger = logging.getLogger(__name__)


def start_thread(ctx: Context, waker: Waker) -> threading.Thread:
    """Start the loop in a thread of its own."""
    thread = threading.Thread(target=run_output_reader, args=(ctx, waker), name="outputs")
    thread.start()
    return thread


def run_output_reader(ctx: Context, waker: Waker) -> None:
    """Read what is unread until `waker` stops; one process at a time does it."""
    while not waker.stopping:
        try:
            with ctx.db.exclusively("outputs") as leading:
                last: int | None = 0
                while leading and not waker.stopping and last is not None:
                    last = read_next_output(ctx, PLATFORM, after=last)
        except Unavailable as error:
            logger.warning("outputs are read later: %s", error)
        waker.wait(OUTPUTS_TOPIC, FALLBACK_SECONDS)
