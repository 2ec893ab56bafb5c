"""One evaluation: measure, then hold every rule against what was measured."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from core.auth import Right, require
from core.context import Actor, Context
from core.models import AlertRule
from core.services.alerts.deciding import settle
from core.services.alerts.measuring import RECENT, USUAL, Figures, count_ended, total
from core.services.alerts.outbox import forget_webhooks
from core.services.alerts.rules import Rule, ensure_rules, view
from core.vocabulary import AlertKind

RECOUNT = timedelta(hours=1)
"""How old the count of the usual failures may be."""


def evaluate(ctx: Context, actor: Actor) -> None:
    """Begin and end incidents. Several processes may do it at once; each notice is written once.

    Raises:
        NotSignedIn, NotAllowed: the loops alone do this.
        DatabaseUnavailable: nothing was changed for the rules that were not reached.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.EVALUATE_ALERTS)
        ensure_rules(session, ctx)
        forget_webhooks(session, ctx)
        rules = [view(row) for row in session.scalars(select(AlertRule).order_by(AlertRule.id))]
    figures = Figures(ctx)
    for rule in rules:
        _hold_against(ctx, figures, rule)


def _hold_against(ctx: Context, figures: Figures, rule: Rule) -> None:
    if rule.is_on:
        usual = _usual(ctx, figures, rule) if rule.kind is AlertKind.FAILURES else None
        readings = figures.read(rule, usual)
    else:
        readings = []
    if readings is not None:
        with ctx.db.transaction() as session:
            settle(session, ctx, rule.id, readings)


def _usual(ctx: Context, figures: Figures, rule: Rule) -> tuple[int, int]:
    """(failed, ended) of the four weeks before the last hour; counted once an hour, when it matters."""
    _failed, ended = figures.recent(rule.course_id)
    if ended < rule.least:
        return rule.usual_failed, rule.usual_ended
    with ctx.db.transaction() as session:
        counted = session.scalar(select(AlertRule.usual_at).where(AlertRule.id == rule.id))
    if counted is not None and ctx.now() - counted < RECOUNT:
        return rule.usual_failed, rule.usual_ended
    before = ctx.now() - RECENT
    usual = total(count_ended(ctx, rule.course_id, before - USUAL, before), rule.course_id)
    with ctx.db.transaction() as session:
        row = session.get(AlertRule, rule.id, with_for_update=True)
        if row is not None:
            (row.usual_failed, row.usual_ended), row.usual_at = usual, ctx.now()
    return usual
