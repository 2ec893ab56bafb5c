"""Notices that an incident has begun or is over, put where they wait to be sent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.context import Context
from core.db import notify
from core.models import AlertIncident, AlertRule, AlertTarget, Course, CourseMember, OutgoingWebhook, User
from core.services import accounts
from core.services.alerts import words
from core.vocabulary import AlertKind, Role, TargetForm

WEBHOOK_TOPIC = "webhooks"


class Event(StrEnum):
    """What a notice tells."""

    OPENED = "opened"
    CLOSED = "closed"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in every language, and its facts for programs."""

    titles: Mapping[str, str]
    texts: Mapping[str, str]
    facts: Mapping[str, object]


_HEADS: Mapping[tuple[Event, str], str] = MappingProxyType(
    {
        (Event.OPENED, "en"): "ULOS alert, {place}: {title}",
        (Event.OPENED, "es"): "Alerta de ULOS, {place}: {title}",
        (Event.CLOSED, "en"): "ULOS, over, {place}: {title}",
        (Event.CLOSED, "es"): "ULOS, terminó, {place}: {title}",
        (Event.TEST, "en"): "ULOS, {place}: a test notice",
        (Event.TEST, "es"): "ULOS, {place}: un aviso de prueba",
    }
)

_BODIES: Mapping[tuple[Event, str], str] = MappingProxyType(
    {
        (Event.OPENED, "en"): "{sentence}\n\nSince {since}. {url}",
        (Event.OPENED, "es"): "{sentence}\n\nDesde {since}. {url}",
        (Event.CLOSED, "en"): "Over. It had begun on {since}; at its worst: {sentence}\n\n{url}",
        (Event.CLOSED, "es"): "Terminó. Había comenzado el {since}; en lo peor: {sentence}\n\n{url}",
        (Event.TEST, "en"): "Somebody tries whether notices arrive here. They do.\n\n{url}",
        (Event.TEST, "es"): "Alguien prueba si los avisos llegan aquí. Sí llegan.\n\n{url}",
    }
)

_WHOLE: Mapping[str, str] = MappingProxyType({"en": "whole installation", "es": "toda la instalación"})


def announce(session: Session, ctx: Context, rule: AlertRule, incident: AlertIncident, event: Event) -> None:
    """Record a notice for each target of the rule, in the caller's transaction."""
    course = session.get(Course, rule.course_id) if rule.course_id is not None else None
    notice = _compose(ctx, course, rule, incident, event)
    targets = session.scalars(
        select(AlertTarget).where(AlertTarget.course_id.is_not_distinct_from(rule.course_id))
    ).all()
    _queue_mails(session, ctx, targets, notice)
    for target in targets:
        _queue_webhook(session, ctx, target, notice)


def announce_test(session: Session, ctx: Context, target: AlertTarget) -> None:
    """Record a notice for one target that says that it is a test."""
    course = session.get(Course, target.course_id) if target.course_id is not None else None
    notice = _test(ctx, course)
    _queue_mails(session, ctx, [target], notice)
    _queue_webhook(session, ctx, target, notice)


def recipients(session: Session, target: AlertTarget) -> set[str]:
    """The mailboxes that a target stands for: of a course, only of those who still teach there."""
    form = TargetForm(target.form)
    if form not in {TargetForm.KEEPERS, TargetForm.MAIL}:
        return set()
    query = select(User.email).where(User.disabled_at.is_(None), User.confirmed_at.is_not(None))
    if form is TargetForm.MAIL:
        query = query.where(User.email == target.email)
    if target.course_id is not None:
        roles = [Role.PROFESSOR] if form is TargetForm.KEEPERS else [Role.PROFESSOR, Role.MONITOR]
        here = (CourseMember.course_id == target.course_id) & CourseMember.role.in_(roles)
        query = query.join(CourseMember, CourseMember.user_id == User.id).where(here)
    elif form is TargetForm.KEEPERS:
        query = query.where(User.is_admin)
    return set(session.scalars(query))


def _queue_mails(session: Session, ctx: Context, targets: Sequence[AlertTarget], notice: Notice) -> None:
    if not ctx.settings.sends_mail:
        return
    people: set[str] = set()
    for target in targets:
        people |= recipients(session, target)
    if people:
        mails = {language: (notice.titles[language], notice.texts[language]) for language in words.LANGUAGES}
        accounts.queue_notices(session, ctx, sorted(people), mails)


def _queue_webhook(session: Session, ctx: Context, target: AlertTarget, notice: Notice) -> None:
    form = TargetForm(target.form)
    if form in {TargetForm.KEEPERS, TargetForm.MAIL}:
        return
    now = ctx.now()
    body = payload(form, ctx.settings.language, notice)
    session.add(OutgoingWebhook(target_id=target.id, body=body, created_at=now, next_try_at=now))
    notify(session, WEBHOOK_TOPIC)


def payload(form: TargetForm, language: str, notice: Notice) -> dict[str, object]:
    """The JSON that a webhook of this form takes.

    Slack: https://api.slack.com/messaging/webhooks (its `&`, `<` and `>` are written as entities). Teams:
    a message with an Adaptive Card, as its Workflows take it.
    """
    title, text = notice.titles[language], notice.texts[language]
    if form is TargetForm.SLACK:
        said = f"{title}\n{text}"
        return {"text": said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
    if form is TargetForm.TEAMS:
        blocks: list[dict[str, object]] = [
            {"type": "TextBlock", "text": title, "weight": "Bolder", "wrap": True},
            {"type": "TextBlock", "text": text, "wrap": True},
        ]
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": blocks,
        }
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
        return {"type": "message", "attachments": [attachment]}
    return {**notice.facts, "title": title, "text": text}


def _compose(
    ctx: Context, course: Course | None, rule: AlertRule, incident: AlertIncident, event: Event
) -> Notice:
    kind = AlertKind(rule.kind)
    value = incident.value if event is Event.OPENED else incident.worst
    said = {
        language: words.sentence(
            kind, language, subject=incident.subject, value=value, threshold=incident.threshold
        )
        for language in words.LANGUAGES
    }
    began = incident.opened_at or incident.held_since
    facts: dict[str, object] = {
        "incident_id": incident.id,
        "kind": kind.value,
        "subject": incident.subject,
        "value": value,
        "threshold": incident.threshold,
        "opened_at": _iso(began),
        "closed_at": _iso(incident.closed_at),
    }
    titles = {language: words.title(kind, language) for language in words.LANGUAGES}
    return _write(ctx, course, event, titles=titles, said=said, since=_local(ctx, course, began), facts=facts)


def _test(ctx: Context, course: Course | None) -> Notice:
    nothing = dict.fromkeys(words.LANGUAGES, "")
    return _write(ctx, course, Event.TEST, titles=nothing, said=nothing, since="", facts={})


def _write(
    ctx: Context,
    course: Course | None,
    event: Event,
    *,
    titles: Mapping[str, str],
    said: Mapping[str, str],
    since: str,
    facts: Mapping[str, object],
) -> Notice:
    url = f"{ctx.settings.dashboard_url}/monitoring?view=alerts"
    heads: dict[str, str] = {}
    bodies: dict[str, str] = {}
    for language in words.LANGUAGES:
        place = " ".join(course.course_name.split()) if course else _WHOLE[language]
        heads[language] = _HEADS[event, language].format(place=place, title=titles[language])
        bodies[language] = _BODIES[event, language].format(sentence=said[language], since=since, url=url)
    shared: dict[str, object] = {
        "id": secrets.token_hex(16),  # the same however often it is delivered
        "event": event.value,
        "course_id": course.id if course else None,
        "course": course.course_name if course else None,
        "url": url,
    }
    return Notice(heads, bodies, {**shared, **facts})


def _local(ctx: Context, course: Course | None, moment: datetime) -> str:
    zone = ZoneInfo(course.timezone if course else ctx.settings.timezone)
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
