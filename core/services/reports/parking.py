"""Putting a report aside: its row in `parked_report`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from core.db import notify
from core.models import ParkedReport
from core.vocabulary import ParkReason
from core.wire.reports import Report, Unreadable


@dataclass(frozen=True, slots=True)
class PutAside:
    """A report that could not be applied, why, and the task that it names."""

    report: Report | Unreadable
    reason: ParkReason
    task_id: int | None


def put_aside(session: Session, entries: Sequence[PutAside], at: datetime) -> None:
    """Park `entries` in the order given, and wake the screens that list them."""
    if not entries:
        return
    session.execute(
        insert(ParkedReport),
        [
            {
                "received_at": at,
                "routing_key": entry.report.envelope.key,
                "body": entry.report.envelope.kept,
                "body_size": entry.report.envelope.size,
                "reason": entry.reason,
                "task_id": entry.task_id,
                "file_path": entry.report.file_path,
            }
            for entry in entries
        ],
    )
    notify(session, "monitoring")
