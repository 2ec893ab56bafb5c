"""The process of the loops: copies, relay, listener, topology, mails, operations, alerts, watch and sweep.

A loop bears what its systems do. What nobody foresaw ends the whole process, loudly: a supervisor
starts it again, whereas a process that lives on without one of its loops looks well and is not.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from types import FrameType

from core import alerting, logs, mailing, operations, sweep, topology, watching
from core.bootstrap import open_context
from core.broker import open_publisher
from core.broker.link import THREAD_NAME as CONNECTION_THREAD
from core.config import Settings
from core.listener import start_listener
from core.mail import open_mailer
from core.migrate import is_current
from core.relay import start_threads
from core.services.health import WORKER_NAME
from core.wake import Waker

INCIDENT = os.EX_SOFTWARE
"""Exit code after an error that nobody foresaw."""

_LOOK_SECONDS = 0.5

logger = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Run the loops until SIGTERM or SIGINT; waits for the database to be migrated first."""
    logs.configure(settings)
    threading.excepthook = _end_with_incident
    ctx = open_context(settings)
    waker = Waker(ctx.db, WORKER_NAME)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=waker.stop).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not is_current(ctx.db) and not waker.stopping:
        time.sleep(_LOOK_SECONDS)
    publisher, mailer = open_publisher(ctx.settings), open_mailer(ctx.settings)
    waker.start()
    threads = [*start_threads(ctx, publisher, waker), operations.start_thread(ctx, waker)]
    threads += [*alerting.start_threads(ctx, waker), watching.start_thread(ctx, waker)]
    if mailer:
        threads.append(mailing.start_thread(ctx, mailer, waker))
    if ctx.settings.uses_rabbitmq:
        threads += [topology.start_thread(ctx, waker), start_listener(ctx, waker)]
    threads.append(sweep.start_thread(ctx, waker))
    for thread in threads:
        thread.join()
    publisher.close()
    ctx.db.dispose()


def _end_with_incident(failure: threading.ExceptHookArgs) -> None:
    """End the process at once, as a kill would: whatever was half-way is taken over by the next one."""
    name = failure.thread.name if failure.thread else "?"
    if name == CONNECTION_THREAD:  # the loop that uses it learns that it is over, and connects again
        threading.__excepthook__(failure)
        return
    error = failure.exc_value or failure.exc_type()
    logger.critical(
        "incident: %s met %s, which nobody foresaw; this process ends, to be started again",
        name,
        failure.exc_type.__name__,
        exc_info=(failure.exc_type, error, failure.exc_traceback),
    )
    logging.shutdown()
    sys.stderr.flush()
    os._exit(INCIDENT)
