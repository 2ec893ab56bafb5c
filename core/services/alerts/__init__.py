"""Alerts: what is watched, what is wrong now, and telling those who should know."""

from core.services.alerts.deciding import CALM, settle
from core.services.alerts.evaluate import evaluate
from core.services.alerts.incidents import Incident, acknowledge, count_open, list_incidents
from core.services.alerts.measuring import Reading, judge
from core.services.alerts.notices import WEBHOOK_TOPIC, Event, Notice, payload
from core.services.alerts.outbox import Delivery, take_webhook, webhook_failed, webhook_was_sent
from core.services.alerts.rules import ALERTS_TOPIC, Rule, bounds, change_rule, list_rules
from core.services.alerts.targets import (
    WEBHOOKS,
    Target,
    add_target,
    list_targets,
    remove_target,
    try_target,
)
from core.services.alerts.words import title

__all__ = [
    "ALERTS_TOPIC",
    "CALM",
    "WEBHOOKS",
    "WEBHOOK_TOPIC",
    "Delivery",
    "Event",
    "Incident",
    "Notice",
    "Reading",
    "Rule",
    "Target",
    "acknowledge",
    "add_target",
    "bounds",
    "change_rule",
    "count_open",
    "evaluate",
    "judge",
    "list_incidents",
    "list_rules",
    "list_targets",
    "payload",
    "remove_target",
    "settle",
    "take_webhook",
    "title",
    "try_target",
    "webhook_failed",
    "webhook_was_sent",
]
