"""How many uploads of one person are received at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.errors import TooManyUploads

MOST = 4
"""Uploads of one person at once: several tabs, and a retry beside a connection that hangs."""

WAIT_SECONDS = 20.0
"""How long a further one waits for its turn. Its body is not read meanwhile."""


@dataclass(slots=True)
class _Person:
    places: asyncio.Semaphore
    requests: int = 0


class UploadSlots:
    """The places of each person in this process. Use it on the event loop only."""

    def __init__(self) -> None:
        self._people: dict[int, _Person] = {}

    @asynccontextmanager
    async def hold(self, person_id: int) -> AsyncIterator[None]:
        """Hold one place of the person for the block; wait for it if all are taken.

        Raises:
            TooManyUploads: none became free in time.

        """
        person = self._people.setdefault(person_id, _Person(asyncio.Semaphore(MOST)))
        person.requests += 1
        try:
            try:
                await asyncio.wait_for(person.places.acquire(), WAIT_SECONDS)
            except TimeoutError as error:
                raise TooManyUploads(most=MOST) from error
            try:
                yield
            finally:
                person.places.release()
        finally:
            person.requests -= 1
            if not person.requests:
                del self._people[person_id]
