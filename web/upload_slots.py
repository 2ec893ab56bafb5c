"""How many uploads of one person are received at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import TooManyUploads

MOST = 4
"""Uploads of one person at once: several tabs and a retry beside a connection that hangs."""


class UploadSlots:
    """Counts the uploads of each person in this process. Use it on the event loop only."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._busy: Counter[int] = Counter()

    @contextmanager
    def hold(self, person_id: int) -> Iterator[None]:
        """Hold one place of the person for the block.

        Raises:
            TooManyUploads: as many of theirs are being received as may be.

        """
        if self._busy[person_id] >= self._most:
            raise TooManyUploads(most=self._most)
        self._busy[person_id] += 1
        try:
            yield
        finally:
            self._busy[person_id] -= 1
            if not self._busy[person_id]:
                del self._busy[person_id]
