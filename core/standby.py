"""What the API and the dashboard do for the alerts while the worker, which evaluates them, does not work."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from core.alerting import deliver_waiting
from core.context import PLATFORM, Context
from core.errors import Unavailable, WorkerMissing, WorkerSilent
from core.mail import open_mailer
from core.mailing import send_waiting
from core.services import alerts
from core.services.heartbeats import check_worker

EVERY_SECONDS = 30.0

logger = logging.getLogger(__name__)


@contextmanager
def standing_by(ctx: Context, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Watch the worker in a thread for as long as the block runs."""
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(ctx, stop, every), name="standby", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)


def stand_in(ctx: Context) -> bool:
    """Evaluate the alerts and send their notices if the worker does not work; whether it was needed.

    It takes none of the worker's locks, since a frozen worker may hold them. Several processes may do it.

    Raises:
        Unavailable: a system that is needed is down.

    """
    try:
        check_worker(ctx)
    except (WorkerMissing, WorkerSilent) as error:
        logger.warning("standing in for the worker: %s", error)
    else:
        return False
    alerts.evaluate(ctx, PLATFORM)
    deliver_waiting(ctx)
    mailer = open_mailer(ctx.settings)
    if mailer:
        send_waiting(ctx, mailer)
    return True


def _run(ctx: Context, stop: threading.Event, every: float) -> None:
    while not stop.wait(random.uniform(0.8, 1.2) * every):  # noqa: S311  processes take turns
        try:
            stand_in(ctx)
        except Unavailable as error:
            logger.warning("the worker cannot be watched: %s", error)
        except Exception:  # a fault of one evaluation must not end all that follow
            logger.exception("standing in for the worker failed")
