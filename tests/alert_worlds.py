"""What tests of alerts have in common: rules, incidents and where notices go."""

from __future__ import annotations

from pydantic import SecretStr
from sqlalchemy import delete, select, text

from core.context import PLATFORM, Context
from core.models import OutgoingWebhook, ParkedReport
from core.services import alerts
from core.services.alerts import Rule
from core.vocabulary import AlertKind, ParkReason, TargetForm
from tests import builders
from tests.conftest import Clock
from tests.smtp_server import MailServer
from tests.webhook_server import Receiver


def mailing(ctx: Context, server: MailServer) -> Context:
    url = SecretStr(f"smtp://127.0.0.1:{server.port}")
    return builders.with_settings(ctx, ctx.settings.model_copy(update={"smtp_url": url}))


def hook(
    ctx: Context, world: builders.World, receiver: Receiver, form: TargetForm = TargetForm.JSON
) -> alerts.Target:
    address = f"{receiver.url}/services/T0/secret"
    return alerts.add_target(ctx, world.professor, world.course_id, form, address=address)


def rule(ctx: Context, course_id: int | None, kind: AlertKind) -> Rule:
    return next(one for one in alerts.list_rules(ctx, PLATFORM, course_id) if one.kind is kind)


def only(ctx: Context, kind: AlertKind, course_id: int | None) -> Rule:
    """Switch all other rules off, everywhere."""
    kept = rule(ctx, course_id, kind)
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE alert_rule SET is_on = (id = :kept)"), {"kept": kept.id})
    return kept


def park(ctx: Context, task_id: int | None = None) -> None:
    with ctx.db.transaction() as session:
        session.add(
            ParkedReport(
                received_at=ctx.now(),
                routing_key="x",
                body=b"{",
                body_size=1,
                reason=ParkReason.UNREADABLE,
                task_id=task_id,
                file_path="",
            )
        )


def unpark(ctx: Context) -> None:
    with ctx.db.transaction() as session:
        session.execute(delete(ParkedReport))


def open_ones(ctx: Context, course_id: int | None = None) -> list[tuple[AlertKind, int | None, str]]:
    found = alerts.list_incidents(ctx, PLATFORM, course_id=course_id, is_open=True)
    return sorted(((one.kind, one.course_id, one.subject) for one in found), key=str)


def waiting_notices(ctx: Context) -> list[str]:
    """The event of each notice for a webhook, in order."""
    with ctx.db.transaction() as session:
        rows = session.scalars(select(OutgoingWebhook.body).order_by(OutgoingWebhook.id))
        return [str(body["event"]) for body in rows]


def calm_down(ctx: Context, clock: Clock) -> None:
    """Evaluate until what is no more is over."""
    for _ in range(2):
        alerts.evaluate(ctx, PLATFORM)
        clock.advance(minutes=6)
    alerts.evaluate(ctx, PLATFORM)
