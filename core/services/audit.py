"""Who did what to what, when and why: written with the deed, in its transaction, and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from core.auth import Right, courses_with, require
from core.context import Actor, Context
from core.models import Assignment, AuditEntry, Task, User
from core.vocabulary import AuditAction

PAGE = 500
"""Most entries that are answered at once."""

_OF_DEFINITIONS = (
    AuditAction.DEFINITION_CREATED,
    AuditAction.DEFINITION_CHANGED,
    AuditAction.DEFINITION_DELETED,
    AuditAction.KEY_MOVED,
)
"""Definitions belong to no course; all who teach may read them."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What is to be written down. `before` and `after` hold what changed, as JSON."""

    action: AuditAction
    subject: str
    course_id: int | None = None
    task_id: int | None = None
    note: str = ""
    before: dict[str, object] | None = None
    after: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed with its moment. `actor_email` is None for the platform itself."""

    id: int
    at: datetime
    actor_email: str | None
    action: AuditAction
    course_id: int | None
    task_id: int | None
    subject: str
    note: str
    before: dict[str, object]
    after: dict[str, object]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are meant; None means all of them. `since` ≤ moment < `until`."""

    course_id: int | None = None
    task_id: int | None = None
    action: AuditAction | None = None
    actor_email: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def record(session: Session, ctx: Context, actor: Actor, deed: Deed) -> None:
    """Write `deed` down in the transaction that does it."""
    session.add(
        AuditEntry(
            at=ctx.now(),
            actor_id=actor.user_id,
            action=deed.action,
            course_id=deed.course_id,
            task_id=deed.task_id,
            subject=deed.subject,
            note=deed.note.strip(),
            before=deed.before or {},
            after=deed.after or {},
        )
    )


def list_entries(
    ctx: Context, actor: Actor, wanted: AuditFilter, *, before: int | None = None, limit: int = PAGE
) -> list[Entry]:
    """The entries of the courses that `actor` looks after, of definitions, and the actor's own; latest first.

    `before`: only those with a smaller id, for the next page.

    Raises:
        NotSignedIn, NotAllowed, NotFound: the actor teaches nowhere, or not in the course or task named.

    """
    with ctx.db.transaction() as session:
        conditions = _conditions(session, actor, wanted)
        if before is not None:
            conditions.append(AuditEntry.id < before)
        rows = session.execute(
            select(AuditEntry, User.email)
            .outerjoin(User, User.id == AuditEntry.actor_id)
            .where(*conditions)
            .order_by(AuditEntry.id.desc())
            .limit(min(limit, PAGE))
        )
        return [_view(entry, email) for entry, email in rows]


def _conditions(session: Session, actor: Actor, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    course_id = wanted.course_id
    if course_id is None and wanted.task_id is not None:
        course_id = session.scalar(
            select(Assignment.course_id)
            .join(Task, Task.assignment_id == Assignment.id)
            .where(Task.id == wanted.task_id)
        )
    require(session, actor, Right.READ_AUDIT, course_id=course_id)
    conditions: list[ColumnElement[bool]] = []
    allowed = courses_with(session, actor, Right.READ_AUDIT)
    if allowed is not None:
        conditions.append(
            or_(
                AuditEntry.course_id.in_(allowed),
                AuditEntry.action.in_(_OF_DEFINITIONS),
                AuditEntry.actor_id == actor.user_id,
            )
        )
    exact: list[tuple[Any, object]] = [
        (AuditEntry.task_id, wanted.task_id),
        (AuditEntry.action, wanted.action),
        (User.email, wanted.actor_email),
    ]
    conditions += [column == value for column, value in exact if value is not None]
    if wanted.course_id is not None:  # what belongs to no course is shown in each
        conditions.append(or_(AuditEntry.course_id == wanted.course_id, AuditEntry.course_id.is_(None)))
    if wanted.since is not None:
        conditions.append(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(AuditEntry.at < wanted.until)
    return conditions


def _view(entry: AuditEntry, email: str | None) -> Entry:
    return Entry(
        id=entry.id,
        at=entry.at,
        actor_email=email,
        action=AuditAction(entry.action),
        course_id=entry.course_id,
        task_id=entry.task_id,
        subject=entry.subject,
        note=entry.note,
        before=entry.before,
        after=entry.after,
    )
