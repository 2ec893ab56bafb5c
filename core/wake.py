"""What wakes loops and screens: notifications from Postgres, or the end of a pause."""

from __future__ import annotations

import logging
import select as io
import threading
from collections.abc import Callable, Sequence

import psycopg2

from core.db import Database
from core.errors import DatabaseUnavailable

_LOOK_SECONDS = 1.0
_RECONNECT_SECONDS = 1.0

logger = logging.getLogger(__name__)


class TopicListener:
    """One thread that hears every notification and passes its topics on.

    `heard` gets the topics of notifications that came together. `missed` is called whenever it
    begins to listen, at first and after a broken connection: anything may have changed before.
    Both are called from the thread. `name` is what others see of its connection in `pg_stat_activity`.
    """

    def __init__(
        self,
        db: Database,
        heard: Callable[[Sequence[str]], None],
        missed: Callable[[], None],
        name: str = "ulos",
    ) -> None:
        self._db = db
        self._name = name
        self._heard = heard
        self._missed = missed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="topics", daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether the thread was told to end."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end, within a second. Safe to call from a signal handler's thread."""
        self._stop.set()

    def pause(self, seconds: float) -> None:
        """Return after `seconds`, or at once when the thread is told to end."""
        self._stop.wait(seconds)

    def join(self) -> None:
        """Wait until it has ended; from then on nothing is passed on."""
        self._thread.join()

    def _run(self) -> None:
        while not self.stopping:
            try:
                self._listen()
            except (DatabaseUnavailable, psycopg2.Error, OSError) as error:
                logger.warning("not listening for a moment: %s", error)
                self._stop.wait(_RECONNECT_SECONDS)

    def _listen(self) -> None:
        with self._db.listening(self._name) as raw:
            self._missed()
            while not self.stopping:
                if io.select([raw], [], [], _LOOK_SECONDS)[0]:
                    raw.poll()
                    topics = [note.payload for note in raw.notifies]
                    raw.notifies.clear()
                    self._heard(topics)


class Waker:
    """Turns notifications into wake-ups for the loops of this process.

    A notification that comes while its loop is at work is kept until the loop waits again, and
    after a broken connection every loop looks at its rows once. `name`: see `TopicListener`.
    `beat` is called by each loop before it waits, with the seconds that it waits at most.
    """

    def __init__(
        self, db: Database, name: str = "ulos", beat: Callable[[float], None] = lambda _seconds: None
    ) -> None:
        self.beat = beat
        self._changed = threading.Condition()
        self._counts: dict[str, int] = {}
        self._gaps = 0
        self._seen = threading.local()
        self._listener = TopicListener(db, self._publish, self._publish_gap, name)

    @property
    def stopping(self) -> bool:
        """Whether the process is about to end."""
        return self._listener.stopping

    def start(self) -> None:
        """Begin to listen."""
        self._listener.start()

    def stop(self) -> None:
        """End every wait, now and later. Safe to call from a signal handler's thread."""
        self._listener.stop()
        with self._changed:
            self._changed.notify_all()

    def wait(self, topic: str, seconds: float) -> None:
        """Return when `topic` was notified since this thread's last wait, or after `seconds`."""
        self.beat(seconds)
        last = getattr(self._seen, "version", None)
        with self._changed:
            self._changed.wait_for(lambda: self.stopping or self._version(topic) != last, seconds)
            self._seen.version = self._version(topic)

    def pause(self, seconds: float) -> None:
        """Return after `seconds`, whatever is notified meanwhile; at once when the process ends."""
        self.beat(seconds)
        self._listener.pause(seconds)

    def _version(self, topic: str) -> tuple[int, int]:
        return self._gaps, self._counts.get(topic, 0)

    def _publish(self, topics: Sequence[str]) -> None:
        with self._changed:
            for topic in topics:
                self._counts[topic] = self._counts.get(topic, 0) + 1
            self._changed.notify_all()

    def _publish_gap(self) -> None:
        with self._changed:
            self._gaps += 1
            self._changed.notify_all()
