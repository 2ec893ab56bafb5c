"""What the clients of a round have sent, and what they were answered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

PENDING, IN_PROGRESS, COMPLETED, FAILED = 1, 2, 3, 4


@dataclass
class Report:
    """One callback of the orchestrator. `key` is its Idempotency-Key, `text` that of a log line."""

    key: str
    kind: str
    text: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class HandedIn:
    """A submission as the client knows it."""

    key: str
    student_id: int
    assignment_id: int
    content: bytes
    is_played: bool
    expected: tuple[int, ...]
    """Status of each stage at the end; empty: the fate of the task says so."""
    task_ids: list[int] = field(default_factory=list)
    """The task of each answer."""
    refused: list[int] = field(default_factory=list)
    """Statuses other than success and 5xx."""
    unsure: int = 0
    """Tries that were not answered, or with 5xx."""
    reports: list[Report] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()
