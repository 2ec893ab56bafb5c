"""The process of the loops: copies, relay, listener, topology, mails, operations, alerts, watch and sweep.

A loop bears what its systems do. What nobody foresaw ends the whole process, loudly: a supervisor
starts it again, whereas a process that lives on without one of its loops looks well and is not.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from types import FrameType

from core import alerting, logs, mailing, operations, output_reader, sweep, topology, watching
from core.bootstrap import open_context
from core.broker import open_publisher
from core.broker.link import THREAD_NAME as CONNECTION_THREAD
from core.config import Settings
from core.incidents import end_on_unexpected_errors
from core.listener import start_listener
from core.mail import open_mailer
from core.migrate import is_current
from core.relay import start_threads
from core.services.heartbeats import WORKER_NAME, Heartbeats, name_process
from core.wake import Waker

_LOOK_SECONDS = 0.5

logger = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Run the loops until SIGTERM or SIGINT; waits for the database to be migrated first."""
    logs.configure(settings)
    end_on_unexpected_errors(spared={CONNECTION_THREAD})  # its user learns of its end and connects again
    ctx = open_context(settings)
    process = name_process()
    heartbeats = Heartbeats(ctx.db, process)
    waker = Waker(ctx.db, f"{WORKER_NAME} {process}", heartbeats.beat)

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
    threads.append(output_reader.start_thread(ctx, waker))
    if mailer:
        threads.append(mailing.start_thread(ctx, mailer, waker))
    if ctx.settings.uses_rabbitmq:
        threads += [topology.start_thread(ctx, waker), start_listener(ctx, waker)]
    threads.append(sweep.start_thread(ctx, waker))
    for thread in threads:
        thread.join()
    heartbeats.remove()
    publisher.close()
    ctx.db.dispose()
