"""Notices for webhooks that wait: taken, sent by the worker, and tried again after pauses that grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session, aliased

from core.context import Context
from core.models import AlertTarget, OutgoingWebhook
from core.services.alerts.rules import tell

LEASE = timedelta(minutes=2)
"""Within this time what was taken is sent or fails; else its sender is gone and another takes it."""

LIVES = timedelta(days=1)
"""A notice that could not be delivered until then is news no more."""

KEPT = timedelta(days=30)
"""How long one can look up what became of a notice."""

_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(hours=1)
_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice ready to be posted. The address is a secret and stays out of its `repr`."""

    id: int
    url: str = field(repr=False)
    body: dict[str, object]


def take_webhook(ctx: Context) -> Delivery | None:
    """The next notice that is due; None when there is none for now. It is held for `LEASE`.

    A target gets its notices in their order: what comes after one that could not be delivered waits.
    """
    earlier = aliased(OutgoingWebhook)
    blocked = exists(
        select(earlier.id).where(
            earlier.target_id == OutgoingWebhook.target_id,
            earlier.id < OutgoingWebhook.id,
            earlier.sent_at.is_(None),
            earlier.given_up_at.is_(None),
        )
    )
    while True:
        with ctx.db.transaction() as session:
            row = session.scalar(
                select(OutgoingWebhook)
                .where(
                    OutgoingWebhook.sent_at.is_(None),
                    OutgoingWebhook.given_up_at.is_(None),
                    OutgoingWebhook.next_try_at <= ctx.now(),
                    ~blocked,
                )
                .order_by(OutgoingWebhook.next_try_at, OutgoingWebhook.id)
                .limit(1)
                .with_for_update(skip_locked=True, of=OutgoingWebhook)
            )
            if row is None:
                return None
            if ctx.now() - row.created_at <= LIVES:
                row.tries += 1
                row.next_try_at = ctx.now() + LEASE
                return Delivery(row.id, session.get_one(AlertTarget, row.target_id).url, row.body)
            row.given_up_at = ctx.now()
            _tell(session, row)


def webhook_was_sent(ctx: Context, delivery: Delivery) -> None:
    """The receiver has taken it."""
    with ctx.db.transaction() as session:
        row = session.get(OutgoingWebhook, delivery.id, with_for_update=True)
        if row is not None:  # else its target was removed meanwhile
            row.sent_at, row.last_error = ctx.now(), None
            _tell(session, row)


def webhook_failed(ctx: Context, delivery: Delivery, problem: str, *, for_good: bool) -> None:
    """It could not be delivered: try again after a pause that grows, or never when `for_good`."""
    with ctx.db.transaction() as session:
        row = session.get(OutgoingWebhook, delivery.id, with_for_update=True)
        if row is None:
            return
        row.last_error = problem[:_LONGEST_ERROR]
        if for_good:
            row.given_up_at = ctx.now()
        row.next_try_at = ctx.now() + min(_FIRST_PAUSE * 2 ** min(row.tries - 1, 20), _LONGEST_PAUSE)
        _tell(session, row)


def forget_webhooks(session: Session, ctx: Context) -> None:
    """Drop what nobody looks up any more."""
    session.execute(delete(OutgoingWebhook).where(OutgoingWebhook.created_at < ctx.now() - KEPT))


def _tell(session: Session, row: OutgoingWebhook) -> None:
    tell(session, session.get_one(AlertTarget, row.target_id).course_id)
