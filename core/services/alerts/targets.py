"""Where notices go: adding, trying and removing targets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import BadEmail, BadWebhook, NoMail, NotFound
from core.models import AlertTarget, OutgoingMail, OutgoingWebhook
from core.services import audit
from core.services.accounts import clean_email
from core.services.alerts.notices import announce_test, recipients
from core.services.alerts.rules import ensure_rules, require_scope, tell
from core.services.audit import Deed
from core.services.texts import clean_text
from core.vocabulary import AuditAction, TargetForm

NAME_LIMIT = 100
URL_LIMIT = 2_000
WEBHOOKS = (TargetForm.JSON, TargetForm.SLACK, TargetForm.TEAMS)


@dataclass(frozen=True, slots=True)
class Target:
    """Where notices go. `address`: mailboxes, or the host of a webhook; the rest of its URL is secret.

    `last_at`, `last_sent` and `last_error` say what became of the latest notice: sent, waiting
    (`last_sent` is None), or given up (`last_given_up`).
    """

    id: int
    course_id: int | None
    form: TargetForm
    name: str
    address: str
    last_at: datetime | None
    last_sent: datetime | None
    last_given_up: datetime | None
    last_error: str | None


def list_targets(ctx: Context, actor: Actor, course_id: int | None) -> list[Target]:
    """The targets of a course, or of the whole installation when `course_id` is None.

    Raises:
        NotSignedIn, NotAllowed, NotFound: for those who teach; the whole for administrators.

    """
    with ctx.db.transaction() as session:
        require_scope(session, actor, Right.READ_ALERTS, course_id)
        ensure_rules(session, ctx)
        rows = session.scalars(
            select(AlertTarget)
            .where(AlertTarget.course_id.is_not_distinct_from(course_id))
            .order_by(AlertTarget.id)
        )
        return [_view(session, row) for row in rows]


def add_target(
    ctx: Context, actor: Actor, course_id: int | None, form: TargetForm, *, address: str = "", name: str = ""
) -> Target:
    """Send notices to `address`, too: the e-mail of somebody who teaches the course, or a webhook's URL.

    Raises:
        NotAllowed, NotFound: who may is professors of the course; for the whole, administrators.
        BadEmail, BadWebhook, TooLong, BadText: the address or the name.

    """
    with ctx.db.transaction() as session:
        require_scope(session, actor, Right.MANAGE_ALERTS, course_id)
        ensure_rules(session, ctx)
        row = AlertTarget(
            course_id=course_id,
            form=form,
            name=clean_text("name", name, limit=NAME_LIMIT),
            email=clean_email(address) if form is TargetForm.MAIL else "",
            url=_webhook(ctx, address) if form in WEBHOOKS else "",
            created_at=ctx.now(),
        )
        if form is TargetForm.MAIL and not recipients(session, row):
            raise BadEmail(field="email", value=row.email)
        session.add(row)
        session.flush()
        return _note(session, ctx, actor, row, AuditAction.ALERT_TARGET_ADDED)


def remove_target(ctx: Context, actor: Actor, target_id: int) -> None:
    """Send no more notices there; what waits for it is dropped.

    Raises:
        NotAllowed, NotFound: who may is professors of the course; for the whole, administrators.

    """
    with ctx.db.transaction() as session:
        row = _find(session, actor, target_id)
        _note(session, ctx, actor, row, AuditAction.ALERT_TARGET_REMOVED)
        session.delete(row)


def try_target(ctx: Context, actor: Actor, target_id: int) -> None:
    """Let the worker send one notice there that says that it is a test; `Target.last_…` tell its fate.

    Raises:
        NotAllowed, NotFound: who may is professors of the course; for the whole, administrators.
        NoMail: mail was asked for and the installation sends none.

    """
    with ctx.db.transaction() as session:
        row = _find(session, actor, target_id)
        if row.form not in WEBHOOKS and not ctx.settings.sends_mail:
            raise NoMail
        announce_test(session, ctx, row)
        tell(session, row.course_id)


def _find(session: Session, actor: Actor, target_id: int) -> AlertTarget:
    row = session.get(AlertTarget, target_id, with_for_update=True)
    if row is None:
        require(session, actor, Right.READ_ALERTS)
        raise NotFound(what="target")
    require_scope(session, actor, Right.MANAGE_ALERTS, row.course_id)
    return row


def _webhook(ctx: Context, address: str) -> str:
    url = clean_text("url", address, limit=URL_LIMIT, required=True)
    schemes = {"https", "http"} if ctx.settings.webhooks_to_private_addresses else {"https"}
    try:
        parts = urlsplit(url)
        fits = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        raise BadWebhook(field="url") from None
    if not fits or "@" in parts.netloc or any(letter.isspace() for letter in url):
        raise BadWebhook(field="url")
    return url


def _note(session: Session, ctx: Context, actor: Actor, row: AlertTarget, action: AuditAction) -> Target:
    seen = _view(session, row)
    subject = f"{row.form} {seen.address}".strip()
    audit.record(session, ctx, actor, Deed(action, subject, course_id=row.course_id, note=row.name))
    tell(session, row.course_id)
    return seen


def _view(session: Session, row: AlertTarget) -> Target:
    people = recipients(session, row)
    last = _last(session, row, people)
    return Target(
        id=row.id,
        course_id=row.course_id,
        form=TargetForm(row.form),
        name=row.name,
        address=urlsplit(row.url).hostname or ", ".join(sorted(people)),
        last_at=last.created_at if last else None,
        last_sent=last.sent_at if last else None,
        last_given_up=last.given_up_at if last else None,
        last_error=last.last_error if last else None,
    )


def _last(session: Session, row: AlertTarget, people: set[str]) -> OutgoingWebhook | OutgoingMail | None:
    """The latest notice that went there, or waits to."""
    if row.form in WEBHOOKS:
        webhooks = select(OutgoingWebhook).where(OutgoingWebhook.target_id == row.id)
        return session.scalar(webhooks.order_by(OutgoingWebhook.id.desc()).limit(1))
    mails = select(OutgoingMail).where(OutgoingMail.recipient.in_(people), OutgoingMail.texts.is_not(None))
    return session.scalar(mails.order_by(OutgoingMail.id.desc()).limit(1))
