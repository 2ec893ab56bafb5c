"""The loop that carries out operations: one submission at a time, no faster than the setting allows."""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from core.context import Context
from core.errors import Unavailable
from core.services.operations import OPERATIONS_TOPIC, carry_out_next, give_up_item
from core.wake import Waker

FALLBACK_SECONDS = 5.0
"""Longest pause between two looks at the rows when no notification comes."""

_POISON = (SQLAlchemyError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What one submission may trip, in the database or in our own code, without stopping the rest."""

logger = logging.getLogger(__name__)


def start_thread(ctx: Context, waker: Waker) -> threading.Thread:
    """The loop, in a thread of its own."""
    thread = threading.Thread(target=run_operations, args=(ctx, waker), name="operations")
    thread.start()
    return thread


def run_operations(ctx: Context, waker: Waker) -> None:
    """Carry out what is open until `waker` stops.

    One process at a time does it, so that the setting is the speed of all together, and none holds
    the lock while there is nothing to do.
    """
    while not waker.stopping:
        try:
            with ctx.db.exclusively("operations") as leading:
                while leading and not waker.stopping and carry_out_one(ctx):
                    if ctx.settings.requeues_per_second:
                        waker.pause(1 / ctx.settings.requeues_per_second)
        except Unavailable as error:
            logger.warning("operations pause: %s", error)
        waker.wait(OPERATIONS_TOPIC, FALLBACK_SECONDS)


def carry_out_one(ctx: Context) -> bool:
    """Deal with the next item, for better or worse; False when there is none.

    Raises:
        DatabaseUnavailable: the item stays as it was, to be tried again.

    """
    taken: list[int] = []
    try:
        return carry_out_next(ctx, taken.append) is not None
    except _POISON:
        if not taken:
            raise
        logger.exception("item %d of an operation is given up", taken[0])
        give_up_item(ctx, taken[0])
        return True
