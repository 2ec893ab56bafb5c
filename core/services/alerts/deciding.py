"""Incidents begin and end: one at a time for each rule and subject, with one notice for each of the two.

All of it happens in one transaction that holds the rule's row, so that any number of processes that
evaluate at once decide one after the other, and one that dies has either said so or not begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.context import Context
from core.models import AlertIncident, AlertRule
from core.services.alerts.measuring import Reading
from core.services.alerts.notices import Event, announce
from core.services.alerts.rules import tell
from core.vocabulary import AlertKind

CALM = timedelta(minutes=5)
"""So long a value must have been well below its threshold until the incident is over."""


def settle(session: Session, ctx: Context, rule_id: int, readings: Sequence[Reading]) -> None:
    """Begin and end the incidents of a rule by what was measured. A rule that is off ends them at once."""
    rule = session.get(AlertRule, rule_id, with_for_update=True, populate_existing=True)
    if rule is None:  # its course was deleted meanwhile
        return
    rows = session.scalars(
        select(AlertIncident)
        .where(AlertIncident.rule_id == rule_id, AlertIncident.closed_at.is_(None))
        .execution_options(populate_existing=True)
    )
    under_way = {row.subject: row for row in rows}
    for reading in readings if rule.is_on else ():
        row = under_way.pop(reading.subject, None)
        if reading.holds:
            _hold(session, ctx, rule, reading, row)
        elif row is not None:
            _ease(session, ctx, rule, row, calm=reading.calm, value=None if reading.lasts else reading.value)
    for row in under_way.values():  # what is watched no more is over, too
        _ease(session, ctx, rule, row, calm=True, patience=CALM if rule.is_on else timedelta(0))
    session.flush()


def _hold(
    session: Session, ctx: Context, rule: AlertRule, reading: Reading, row: AlertIncident | None
) -> None:
    if row is None:
        row = AlertIncident(
            rule_id=rule.id,
            subject=reading.subject,
            held_since=ctx.now(),
            value=reading.value,
            worst=reading.value,
            threshold=reading.threshold,
        )
        session.add(row)
    lasted = (ctx.now() - row.held_since).total_seconds() / 60
    row.value = lasted if reading.lasts else reading.value
    row.worst = (min if rule.kind == AlertKind.DISK else max)(row.worst, row.value)
    row.threshold, row.calm_since = reading.threshold, None
    if row.opened_at is None and (not reading.lasts or lasted >= reading.threshold):
        row.opened_at = ctx.now()
        session.flush()
        announce(session, ctx, rule, row, Event.OPENED)
        tell(session, rule.course_id)


def _ease(
    session: Session,
    ctx: Context,
    rule: AlertRule,
    row: AlertIncident,
    *,
    calm: bool,
    value: float | None = None,
    patience: timedelta = CALM,
) -> None:
    if row.opened_at is None:
        session.delete(row)
        return
    if value is not None:
        row.value = value
    if not calm:
        row.calm_since = None
        return
    row.calm_since = row.calm_since or ctx.now()
    if ctx.now() - row.calm_since >= patience:
        row.closed_at = ctx.now()
        announce(session, ctx, rule, row, Event.CLOSED)
        tell(session, rule.course_id)
