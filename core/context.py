"""What a use case may touch, and on whose behalf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from core.config import Settings
from core.db import Database
from core.storage import Storage
from core.vocabulary import Scope


@dataclass(frozen=True, slots=True)
class Context:
    """The world as a use case sees it. One per process, made by `core.bootstrap`."""

    settings: Settings
    db: Database
    storage: Storage
    now: Callable[[], datetime]
    """Aware UTC; tests hand in their own clock."""


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf a use case runs. Roles are looked up afresh each time, never carried."""

    user_id: int | None = None
    is_admin: bool = False
    is_orchestrator: bool = False
    is_platform: bool = False
    """Ourselves: the seed, the loops and the commands of an operator."""
    scopes: frozenset[Scope] = frozenset()
    """What an orchestrator's token is good for; people have none."""


NOBODY = Actor()
ORCHESTRATOR = Actor(is_orchestrator=True, scopes=frozenset(Scope))
PLATFORM = Actor(is_platform=True)
