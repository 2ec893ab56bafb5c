"""Reports that could not be applied: listing, applying again, discarding.

A report that names a task of a course is the business of who teaches there; what names none is the
administrator's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.auth import Right, courses_with, require
from core.context import Actor, Context
from core.errors import NotFound, StillParked
from core.models import Assignment, ParkedReport, Task
from core.services import audit
from core.services.audit import Deed
from core.services.reports.orchestrator import apply_one
from core.vocabulary import AuditAction, ParkReason
from core.wire.reports import read_report

PREVIEW_CHARACTERS = 2_000
"""How much of a body a list shows."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A report that waits for somebody. `preview` is the beginning of its body, `size` its bytes."""

    id: int
    received_at: datetime
    routing_key: str
    reason: ParkReason
    task_id: int | None
    file_path: str
    course_id: int | None
    preview: str
    size: int


def list_parked(
    ctx: Context, actor: Actor, *, course_id: int | None = None, before: int | None = None, limit: int = 100
) -> list[Parked]:
    """The reports that wait and that the actor may handle, the latest first.

    `before`: only those with a smaller id, for the next page.

    Raises:
        NotAllowed, NotFound: the actor teaches nowhere, or not in `course_id`.

    """
    with ctx.db.transaction() as session:
        query = _waiting(session, actor, select(ParkedReport, Assignment.course_id), course_id)
        if before is not None:
            query = query.where(ParkedReport.id < before)
        rows = session.execute(query.order_by(ParkedReport.id.desc()).limit(limit))
        return [_view(row, course) for row, course in rows]


def count_parked(ctx: Context, actor: Actor, *, course_id: int | None = None) -> int:
    """How many reports wait that the actor may handle.

    Raises:
        NotAllowed, NotFound: the actor teaches nowhere, or not in `course_id`.

    """
    with ctx.db.transaction() as session:
        return session.scalar(_waiting(session, actor, select(func.count(ParkedReport.id)), course_id)) or 0


def apply_parked(ctx: Context, actor: Actor, parked_id: int) -> None:
    """Apply a parked report now that what was in its way may be gone.

    Raises:
        NotFound, NotAllowed: there is none that waits, or the actor may not handle it.
        StillParked: it cannot be applied; it stays.

    """
    with ctx.db.transaction() as session:
        row, course_id = _locked(session, actor, parked_id)
        reason = apply_one(session, read_report(row.body, row.routing_key), ctx.now())
        if reason is not None:
            raise StillParked(reason=reason)
        row.applied_at, row.handled_by_id = ctx.now(), actor.user_id
        audit.record(session, ctx, actor, _deed(AuditAction.PARKED_APPLIED, row, course_id))


def discard_parked(ctx: Context, actor: Actor, parked_id: int) -> None:
    """Put a parked report away for good; its row stays.

    Raises:
        NotFound, NotAllowed: there is none that waits, or the actor may not handle it.

    """
    with ctx.db.transaction() as session:
        row, course_id = _locked(session, actor, parked_id)
        row.discarded_at, row.handled_by_id = ctx.now(), actor.user_id
        audit.record(session, ctx, actor, _deed(AuditAction.PARKED_DISCARDED, row, course_id))


def _waiting(
    session: Session, actor: Actor, query: Select[*tuple[Any, ...]], course_id: int | None
) -> Select[*tuple[Any, ...]]:
    require(session, actor, Right.HANDLE_PARKED, course_id=course_id)
    query = (
        query.select_from(ParkedReport)
        .outerjoin(Task, Task.id == ParkedReport.task_id)
        .outerjoin(Assignment, Assignment.id == Task.assignment_id)
        .where(ParkedReport.applied_at.is_(None), ParkedReport.discarded_at.is_(None))
    )
    allowed = courses_with(session, actor, Right.HANDLE_PARKED)
    if allowed is not None:
        query = query.where(Assignment.course_id.in_(allowed))
    return query if course_id is None else query.where(Assignment.course_id == course_id)


def _locked(session: Session, actor: Actor, parked_id: int) -> tuple[ParkedReport, int | None]:
    row = session.get(ParkedReport, parked_id, with_for_update=True)
    course_id = session.scalar(
        select(Assignment.course_id)
        .join(Task, Task.assignment_id == Assignment.id)
        .where(Task.id == (row.task_id if row else None))
    )
    if course_id is None:
        require(session, actor, Right.HANDLE_UNATTRIBUTED)
    else:
        require(session, actor, Right.HANDLE_PARKED, course_id=course_id)
    if row is None or row.applied_at or row.discarded_at:
        raise NotFound(what="report")
    return row, course_id


def _deed(action: AuditAction, row: ParkedReport, course_id: int | None) -> Deed:
    task_id = row.task_id if course_id is not None else None
    after: dict[str, object] = {"routing_key": row.routing_key, "reason": row.reason}
    return Deed(action, str(row.id), course_id=course_id, task_id=task_id, after=after)


def _view(row: ParkedReport, course_id: int | None) -> Parked:
    return Parked(
        id=row.id,
        received_at=row.received_at,
        routing_key=row.routing_key,
        reason=ParkReason(row.reason),
        task_id=row.task_id,
        file_path=row.file_path,
        course_id=course_id,
        preview=row.body[: PREVIEW_CHARACTERS * 4].decode("utf-8", "replace")[:PREVIEW_CHARACTERS],
        size=row.body_size,
    )
