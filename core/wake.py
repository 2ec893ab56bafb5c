"""What wakes the loops: notifications from Postgres, or the end of a pause."""

from __future__ import annotations

import logging
import select as io
import threading
import time

import psycopg2

from core.db import Database
from core.errors import DatabaseUnavailable

_LOOK_SECONDS = 1.0
_RECONNECT_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Waker:
    """One listening thread that turns notifications into wake-ups for the loops of this process.

    A notification that comes while its loop is at work is kept until the loop waits again, and
    after a broken connection every loop looks at its rows once.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._counts: dict[str, int] = {}
        self._gaps = 0
        self._seen = threading.local()
        self._thread = threading.Thread(target=self._listen, name="waker", daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether the process is about to end."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End every wait, now and later. Safe to call from a signal handler's thread."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def wait(self, topic: str, seconds: float) -> None:
        """Return when `topic` was notified since this thread's last wait, or after `seconds`."""
        last = getattr(self._seen, "version", None)
        with self._changed:
            self._changed.wait_for(lambda: self.stopping or self._version(topic) != last, seconds)
            self._seen.version = self._version(topic)

    def pause(self, seconds: float) -> None:
        """Return after `seconds`, whatever is notified meanwhile; at once when the process ends."""
        self._stop.wait(seconds)

    def _version(self, topic: str) -> tuple[int, int]:
        return self._gaps, self._counts.get(topic, 0)

    def _listen(self) -> None:
        while not self.stopping:
            try:
                with self._db.listening() as raw:
                    self._publish(gap=True)
                    while not self.stopping:
                        if io.select([raw], [], [], _LOOK_SECONDS)[0]:
                            raw.poll()
                            topics = [note.payload for note in raw.notifies]
                            raw.notifies.clear()
                            self._publish(*topics)
            except (DatabaseUnavailable, psycopg2.Error, OSError) as error:
                logger.warning("not listening for a moment: %s", error)
                time.sleep(_RECONNECT_SECONDS)

    def _publish(self, *topics: str, gap: bool = False) -> None:
        with self._changed:
            self._gaps += gap
            for topic in topics:
                self._counts[topic] = self._counts.get(topic, 0) + 1
            self._changed.notify_all()
