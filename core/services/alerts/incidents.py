"""What is wrong now and what was: for screens and programs, and who looks after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from core.auth import Right, courses_with, require
from core.context import Actor, Context
from core.errors import NotAllowed, NotFound
from core.models import AlertIncident, AlertRule, Course, User
from core.services import audit
from core.services.alerts import words
from core.services.alerts.rules import require_scope, tell
from core.services.audit import Deed
from core.services.texts import clean_text
from core.vocabulary import AlertKind, AuditAction

NOTE_LIMIT = 500
"""Longest note, in characters."""

PAGE = 200
"""Most incidents that are answered at once."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A rule that holds or held. `value` is the latest, `worst` the furthest from what it should be.

    `course_id` None: of the whole installation. `closed_at` None: it is open. `calm_since`: it gets
    better, and is over when it has stayed so for `CALM`.
    """

    id: int
    kind: AlertKind
    course_id: int | None
    course_name: str | None
    subject: str
    opened_at: datetime
    closed_at: datetime | None
    calm_since: datetime | None
    value: float
    worst: float
    threshold: float
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str

    def sentence(self, language: str) -> str:
        """Return what is wrong, with its figures; of what is over or gets better, as it was at its worst.

        A value that is back within its limit while the incident is open would contradict the sentence.
        """
        beyond = self.value < self.threshold if self.kind is AlertKind.DISK else self.value > self.threshold
        value = self.value if self.calm_since is None and beyond else self.worst
        return words.sentence(
            self.kind, language, subject=self.subject, value=value, threshold=self.threshold
        )


def list_incidents(
    ctx: Context,
    actor: Actor,
    *,
    course_id: int | None = None,
    is_open: bool | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Incident]:
    """Incidents of the actor's courses, or of `course_id`, and those of the whole; the latest first.

    `is_open` None: those that are open and those that are over. `before`: only those with a smaller id.

    Raises:
        NotSignedIn, NotAllowed, NotFound: alerts are for those who teach.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_ALERTS, course_id=course_id)
        query = _visible(session, actor, course_id)
        if is_open is not None:
            closed = AlertIncident.closed_at
            query = query.where(closed.is_(None) if is_open else closed.is_not(None))
        if before is not None:
            query = query.where(AlertIncident.id < before)
        rows = session.execute(query.order_by(AlertIncident.id.desc()).limit(min(limit, PAGE)))
        return [_view(row, rule, course, email) for row, rule, course, email in rows]


def acknowledge(ctx: Context, actor: Actor, incident_id: int, *, note: str = "") -> Incident:
    """Say that the actor looks after an open incident.

    Raises:
        NotAllowed, NotFound: who may is those who teach in the course; of the whole, administrators.
        NotFound: it is over, or there is none.
        TooLong, BadText: the note.

    """
    with ctx.db.transaction() as session:
        found = session.execute(
            select(AlertIncident, AlertRule)
            .join(AlertRule, AlertRule.id == AlertIncident.rule_id)
            .where(AlertIncident.id == incident_id, AlertIncident.opened_at.is_not(None))
            .with_for_update(of=AlertIncident)
        ).one_or_none()
        if found is None:
            require(session, actor, Right.ACKNOWLEDGE_ALERT)
            raise NotFound(what="incident")
        row, rule = found
        require_scope(session, actor, Right.ACKNOWLEDGE_ALERT, rule.course_id)
        if actor.user_id is None:
            raise NotAllowed
        if row.closed_at is not None:
            raise NotFound(what="incident")
        before: dict[str, object] = {"acknowledged": row.acknowledged_at is not None, "note": row.note}
        row.note = clean_text("note", note, limit=NOTE_LIMIT)
        row.acknowledged_at, row.acknowledged_by_id = ctx.now(), actor.user_id
        session.flush()
        deed = Deed(
            AuditAction.INCIDENT_ACKNOWLEDGED,
            f"{rule.kind} {row.subject}".strip(),
            course_id=rule.course_id,
            note=row.note,
            before=before,
            after={"acknowledged": True, "note": row.note},
        )
        audit.record(session, ctx, actor, deed)
        tell(session, rule.course_id)
        row, rule, course, email = session.execute(_query().where(AlertIncident.id == incident_id)).one()
        return _view(row, rule, course, email)


def count_open(ctx: Context, actor: Actor) -> dict[AlertKind, int]:
    """How many incidents are open of each kind, in what the actor may see; kinds without one have 0.

    Raises:
        NotSignedIn, NotAllowed: alerts are for those who teach.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_ALERTS)
        kinds = session.scalars(
            _visible(session, actor, None)
            .where(AlertIncident.closed_at.is_(None))
            .with_only_columns(AlertRule.kind)
        )
        counted = Counter(kinds)
        return {kind: counted[kind] for kind in AlertKind}


def _visible(
    session: Session, actor: Actor, course_id: int | None
) -> Select[AlertIncident, AlertRule, str, str]:
    whole = AlertRule.course_id.is_(None)
    conditions: list[ColumnElement[bool]] = []
    allowed = courses_with(session, actor, Right.READ_ALERTS)
    if allowed is not None:
        conditions.append(or_(whole, AlertRule.course_id.in_(allowed)))
    if course_id is not None:
        conditions.append(or_(whole, AlertRule.course_id == course_id))
    return _query().where(*conditions)


def _query() -> Select[AlertIncident, AlertRule, str, str]:
    return (
        select(AlertIncident, AlertRule, Course.course_name, User.email)
        .join(AlertRule, AlertRule.id == AlertIncident.rule_id)
        .outerjoin(Course, Course.id == AlertRule.course_id)
        .outerjoin(User, User.id == AlertIncident.acknowledged_by_id)
        .where(AlertIncident.opened_at.is_not(None))
    )


def _view(row: AlertIncident, rule: AlertRule, course_name: str | None, email: str | None) -> Incident:
    return Incident(
        id=row.id,
        kind=AlertKind(rule.kind),
        course_id=rule.course_id,
        course_name=course_name,
        subject=row.subject,
        opened_at=row.opened_at or row.held_since,
        closed_at=row.closed_at,
        calm_since=row.calm_since,
        value=row.value,
        worst=row.worst,
        threshold=row.threshold,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=email,
        note=row.note,
    )
