"""Files that a page asked for, on disk until that page takes them over: none is held in memory."""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass, field
from typing import IO

SECONDS = 600.0
"""How long a file waits for its page; the page takes it with the next run, or its visitor is gone."""

MOST = 4
"""Files of one person that wait at once; the oldest goes for the next."""


@dataclass(eq=False)
class KeptFile:
    """A chosen file: without a name on disk, and gone with the last who holds it. `size` in bytes."""

    name: str
    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    size: int = 0

    def __post_init__(self) -> None:
        """See that the file is closed, whoever drops it."""
        weakref.finalize(self, self.file.close)


class KeptFiles:
    """What waits for its page, by a token that only the browser of its owner was told."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, float, KeptFile]] = {}
        self._lock = threading.Lock()

    def put(self, person_id: int, kept: KeptFile) -> str:
        """Keep the file for this person; its token."""
        token, now = secrets.token_urlsafe(24), time.monotonic()
        with self._lock:
            self._waiting = {old: entry for old, entry in self._waiting.items() if now - entry[1] < SECONDS}
            theirs = [old for old, (owner, _, _) in self._waiting.items() if owner == person_id]
            for old in theirs[: max(0, len(theirs) - MOST + 1)]:
                del self._waiting[old]
            self._waiting[token] = (person_id, now, kept)
        return token

    def take(self, person_id: int, token: str) -> KeptFile | None:
        """The file, once, for who sent it; None when it is not there (any more)."""
        with self._lock:
            entry = self._waiting.get(token)
            if entry is None or entry[0] != person_id:
                return None
            return self._waiting.pop(token)[2]


KEPT = KeptFiles()
"""Those of this process: the visitor's page runs in it, too (sessions are sticky)."""
