"""What changed when, and which followers want to know. Holds topics and numbers, never data."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

FIRST_SECONDS = 0.05
"""What comes together with a change, such as the log line of a status, is told together."""

COALESCE_SECONDS = 0.2
"""Shortest time between two messages to one follower."""

SPREAD_SECONDS = 0.005
"""Added per follower that is woken at once, so that what wakes everybody does not draw at once."""

MOST_SPREAD_SECONDS = 1.0

REMEMBERED_TOPICS = 20_000
"""Topics whose last change is known exactly; of older ones only that they may have changed."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment in the life of this process: what has a higher number changed later.

    `seed` tells processes apart: a number of another one says nothing.
    """

    seed: str
    number: int


@dataclass(eq=False, slots=True)
class Follower:
    """One open channel. `wake` is set when there is something to say, after `delay` seconds."""

    session_id: int
    topics: frozenset[str] = frozenset()
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    delay: float = 0.0
    doubted: bool = False
    """Whether the session may have ended: look at its row before the next word."""

    def rouse(self, delay: float) -> None:
        """Have it speak within `delay` seconds, or as it was going to."""
        if not self.wake.is_set():
            self.delay = delay
            self.wake.set()


class Hub:
    """Numbers what changes, in the order in which this process heard of it.

    Everything but `stamp` belongs to the event loop's thread.
    """

    def __init__(self) -> None:
        self._seed = secrets.token_hex(4)
        self._number = 0
        self._forgotten = 0
        self._last: OrderedDict[str, int] = OrderedDict()
        self._followers: set[Follower] = set()

    def stamp(self) -> Stamp:
        """The present moment; taken before a page is drawn it tells what the page does not show yet."""
        return Stamp(self._seed, self._number)

    def version(self, topic: str) -> int:
        """Number of the last change of `topic`; never lower than it was, at worst too high."""
        return self._last.get(topic, self._forgotten)

    def publish(self, topics: Sequence[str]) -> None:
        """These have changed: tell who follows them."""
        self._number += 1
        for topic in topics:
            self._last[topic] = self._number
            self._last.move_to_end(topic)
        while len(self._last) > REMEMBERED_TOPICS:
            self._forgotten = self._last.popitem(last=False)[1]
        changed = frozenset(topics)
        self._rouse([one for one in self._followers if not changed.isdisjoint(one.topics)])
        self._doubt(one for one in self._followers if f"session:{one.session_id}" in changed)

    def publish_all(self) -> None:
        """Anything may have changed, sessions among it: tell everybody."""
        self._number += 1
        self._forgotten = self._number
        self._last.clear()
        self._rouse(list(self._followers))
        for follower in self._followers:
            follower.doubted = True

    def join(self, follower: Follower, since: Stamp) -> None:
        """Begin to tell `follower`, whose session was alive at `since`."""
        self._followers.add(follower)
        if self.version(f"session:{follower.session_id}") > since.number:
            self._doubt([follower])

    def leave(self, follower: Follower) -> None:
        """Tell it nothing more."""
        self._followers.discard(follower)

    def _rouse(self, followers: list[Follower]) -> None:
        spread = min(len(followers) * SPREAD_SECONDS, MOST_SPREAD_SECONDS)
        for follower in followers:
            follower.rouse(FIRST_SECONDS + random.uniform(0, spread))  # noqa: S311  spreads load, hides nothing

    @staticmethod
    def _doubt(followers: Iterable[Follower]) -> None:
        for follower in followers:
            follower.doubted = True
            follower.rouse(0.0)
