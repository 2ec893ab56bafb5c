"""The loops of alerts: one looks at every rule twice a minute, one sends the notices to webhooks."""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from core import webhook
from core.context import PLATFORM, Context
from core.errors import Unavailable, WebhookFailed
from core.services import alerts
from core.wake import Waker

EVERY_SECONDS = 30.0
FALLBACK_SECONDS = 15.0
"""Longest pause between two looks at the rows: those put off give no notification."""

_BUGS = (SQLAlchemyError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What one evaluation may trip without ending all that follow."""

logger = logging.getLogger(__name__)


def start_threads(
    ctx: Context, waker: Waker, *, first_after: float = EVERY_SECONDS
) -> list[threading.Thread]:
    """Both loops, each in a thread of its own.

    `first_after` seconds the first look is taken: what starts together with us needs a moment.
    """
    threads = [
        threading.Thread(target=run_rules, args=(ctx, waker, first_after), name="alerts"),
        threading.Thread(target=run_webhooks, args=(ctx, waker), name="webhooks"),
    ]
    for thread in threads:
        thread.start()
    return threads


def run_rules(ctx: Context, waker: Waker, first_after: float) -> None:
    """Evaluate until `waker` stops. One process at a time does it; if several did, no notice would double."""
    waker.pause(first_after)
    while not waker.stopping:
        try:
            with ctx.db.exclusively("alerts") as leading:
                if leading:
                    alerts.evaluate(ctx, PLATFORM)
        except Unavailable as error:
            logger.warning("alerts pause: %s", error)
        except _BUGS:
            logger.exception("an evaluation of alerts failed")
        waker.wait(alerts.ALERTS_TOPIC, EVERY_SECONDS)


def run_webhooks(ctx: Context, waker: Waker) -> None:
    """Send what waits until `waker` stops. Several processes may do it."""
    while not waker.stopping:
        try:
            deliver_waiting(ctx)
        except Unavailable as error:
            logger.warning("webhooks pause: %s", error)
        waker.wait(alerts.WEBHOOK_TOPIC, FALLBACK_SECONDS)


def deliver_waiting(ctx: Context) -> int:
    """Send the notices that are due; how many were taken over."""
    sent = 0
    while delivery := alerts.take_webhook(ctx):
        try:
            webhook.post(
                delivery.url, delivery.body, allow_private=ctx.settings.webhooks_to_private_addresses
            )
        except WebhookFailed as error:
            logger.warning("notice %d was not delivered: %s", delivery.id, error.values["problem"])
            alerts.webhook_failed(
                ctx, delivery, str(error.values["problem"]), for_good=bool(error.values["for_good"])
            )
        else:
            alerts.webhook_was_sent(ctx, delivery)
            sent += 1
    return sent
