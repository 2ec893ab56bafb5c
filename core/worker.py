"""The process of the loops: copies, relay, listener, topology, mails, operations, alerts and sweep."""

from __future__ import annotations

import logging
import signal
import threading
import time
from types import FrameType

from core import alerting, mailing, operations, topology
from core.bootstrap import open_context
from core.broker import open_publisher
from core.config import Settings
from core.listener import start_listener
from core.mail import open_mailer
from core.migrate import is_current
from core.relay import start_threads
from core.sweep import run_sweep
from core.wake import Waker

_LOOK_SECONDS = 0.5


def run(settings: Settings) -> None:
    """Run the loops until SIGTERM or SIGINT; waits for the database to be migrated first."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    ctx = open_context(settings)
    waker = Waker(ctx.db)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=waker.stop).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not is_current(ctx.db) and not waker.stopping:
        time.sleep(_LOOK_SECONDS)
    waker.start()
    publisher = open_publisher(ctx.settings)
    threads = [*start_threads(ctx, publisher, waker), operations.start_thread(ctx, waker)]
    threads += alerting.start_threads(ctx, waker)
    if mailer := open_mailer(ctx.settings):
        threads.append(mailing.start_thread(ctx, mailer, waker))
    if ctx.settings.uses_rabbitmq:
        threads += [topology.start_thread(ctx, waker), start_listener(ctx, waker)]
    run_sweep(ctx, waker)
    for thread in threads:
        thread.join()
    publisher.close()
    ctx.db.dispose()
