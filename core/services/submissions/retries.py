"""Where the bytes of submissions are that were stored but could not be recorded, for their next try.

While Postgres is away every retry of a person would leave one more file on the file server. This process
remembers the path instead; a retry takes it and writes over it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta

REMEMBERED_FOR = timedelta(hours=12)
"""Well within the age at which the sweep removes a file without a row."""

MOST = 10_000


class UnrecordedPaths:
    """Paths by what was submitted. Each is handed out once, so that no two requests share a file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: OrderedDict[Hashable, tuple[str, datetime]] = OrderedDict()

    def keep(self, submission: Hashable, path: str, at: datetime) -> None:
        """Remember where the bytes of `submission` are."""
        with self._lock:
            self._paths[submission] = (path, at)
            if len(self._paths) > MOST:
                self._paths.popitem(last=False)

    def take(self, submission: Hashable, at: datetime) -> str | None:
        """Return the path and forget it; None when there is none that may still be used."""
        with self._lock:
            path, kept_at = self._paths.pop(submission, (None, at))
        return path if at - kept_at < REMEMBERED_FOR else None
