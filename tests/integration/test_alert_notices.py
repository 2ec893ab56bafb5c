"""Who is told of an incident, by a real mail server and a real receiver of webhooks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from core.alerting import deliver_waiting
from core.context import PLATFORM, Context
from core.errors import (
    BadEmail,
    BadWebhook,
    WebhookFailed,
)
from core.mail import open_mailer
from core.mailing import send_waiting
from core.models import AlertTarget
from core.services import alerts, audit
from core.services.audit import AuditFilter
from core.vocabulary import AlertKind, TargetForm
from core.webhook import is_public, post, resolve
from tests import builders
from tests.alert_worlds import calm_down, hook, mailing, only, park, unpark
from tests.conftest import Clock
from tests.smtp_server import MailServer, mail_server
from tests.webhook_server import Receiver, webhook_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as made:
        yield made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path) as made:
        yield made


@pytest.fixture
def open_ctx(ctx: Context) -> Context:
    """An installation whose webhooks may be in its own network."""
    return builders.with_settings(
        ctx, ctx.settings.model_copy(update={"webhooks_to_private_addresses": True})
    )


def test_mails_go_to_the_professors_in_their_language(ctx: Context, clock: Clock, server: MailServer) -> None:
    sending = mailing(ctx, server)
    world = builders.world(sending)
    only(sending, AlertKind.PARKED, world.course_id)
    task = builders.submit(sending, world)
    with sending.db.transaction() as session:
        session.execute(text("UPDATE users SET language = 'en' WHERE email LIKE 'professor%'"))
    alerts.add_target(
        sending,
        world.professor,
        world.course_id,
        TargetForm.MAIL,
        address="monitor@uniandes.edu.co",
    )
    park(sending, task.task_id)
    alerts.evaluate(sending, PLATFORM)
    unpark(sending)
    calm_down(sending, clock)
    mailer = open_mailer(sending.settings)
    assert mailer is not None

    send_waiting(sending, mailer)

    subjects = sorted((str(mail["To"]).split("@")[0], str(mail["Subject"])) for mail in server.mails)
    assert subjects == [
        ("monitor", "Alerta de ULOS, Robotics: Reportes apartados"),
        ("monitor", "ULOS, terminó, Robotics: Reportes apartados"),
        ("professor", "ULOS alert, Robotics: Parked reports"),
        ("professor", "ULOS, over, Robotics: Parked reports"),
    ]
    text_of_one = server.mails[0].get_content()
    assert "/monitoring?view=alerts" in text_of_one


def test_mail_for_somebody_who_no_longer_teaches_is_not_written(ctx: Context, server: MailServer) -> None:
    sending = mailing(ctx, server)
    world = builders.world(sending)

    with pytest.raises(BadEmail):
        alerts.add_target(
            sending, world.professor, world.course_id, TargetForm.MAIL, address="stranger@uniandes.edu.co"
        )


def test_a_receiver_that_fails_gets_the_notice_later_and_the_next_one_after_it(
    open_ctx: Context, clock: Clock, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    target = hook(open_ctx, world, receiver)
    alerts.try_target(open_ctx, world.professor, target.id)
    receiver.answers = [500, 429]

    first = deliver_waiting(open_ctx)
    alerts.try_target(open_ctx, world.professor, target.id)
    at_once = deliver_waiting(open_ctx)
    clock.advance(seconds=16)
    second = deliver_waiting(open_ctx)
    clock.advance(seconds=31)
    third = deliver_waiting(open_ctx)

    assert (first, at_once, second, third) == (0, 0, 0, 2)
    assert len(receiver.paths) == 4
    (*_, seen) = alerts.list_targets(open_ctx, world.professor, world.course_id)
    assert seen.last_sent == clock()


def test_a_redirect_is_not_followed_and_not_tried_again(
    open_ctx: Context, clock: Clock, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    target = hook(open_ctx, world, receiver)
    alerts.try_target(open_ctx, world.professor, target.id)
    receiver.answers = [302]

    deliver_waiting(open_ctx)
    clock.advance(hours=2)
    deliver_waiting(open_ctx)

    (*_, seen) = alerts.list_targets(open_ctx, world.professor, world.course_id)
    assert receiver.paths == ["/services/T0/secret"]
    assert seen.last_given_up is not None
    assert "redirect" in str(seen.last_error)


def test_a_sender_that_dies_with_a_notice_in_its_hands_leaves_it_to_the_next(
    open_ctx: Context, clock: Clock, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    target = hook(open_ctx, world, receiver)
    alerts.try_target(open_ctx, world.professor, target.id)
    alerts.take_webhook(open_ctx)

    nothing_yet = deliver_waiting(open_ctx)
    clock.advance(minutes=3)

    assert nothing_yet == 0
    assert deliver_waiting(open_ctx) == 1


def test_an_address_in_our_own_network_is_refused_unless_a_setting_allows_it(
    ctx: Context, open_ctx: Context, receiver: Receiver
) -> None:
    world = builders.world(ctx)
    alerts.list_targets(ctx, world.professor, world.course_id)
    with ctx.db.transaction() as session:
        row = AlertTarget(
            course_id=world.course_id,
            form=TargetForm.JSON,
            url=f"https://localhost:{receiver.port}/x",
            created_at=ctx.now(),
        )
        session.add(row)
        session.flush()
        number = row.id

    alerts.try_target(ctx, world.professor, number)
    deliver_waiting(ctx)

    (*_, seen) = alerts.list_targets(ctx, world.professor, world.course_id)
    assert receiver.paths == []
    assert "private address" in str(seen.last_error)
    assert seen.last_given_up is not None
    with pytest.raises(BadWebhook):
        alerts.add_target(ctx, world.professor, world.course_id, TargetForm.JSON, address=receiver.url)


PRIVATE = (
    *("127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "192.168.0.9", "100.64.0.1", "::1"),
    *("fd00::1", "::ffff:127.0.0.1", "64:ff9b::a01:203", "2002:7f00:1::", "224.0.0.1", "2130706433"),
)


@pytest.mark.parametrize("host", PRIVATE)
def test_no_spelling_of_a_private_address_gets_through(host: str) -> None:
    with pytest.raises(WebhookFailed, match="private"):
        resolve(host, 443, allow_private=False)


def test_addresses_of_the_internet_are_public() -> None:
    assert is_public(resolve("8.8.8.8", 443, allow_private=False))


def test_the_connection_goes_to_the_address_that_was_looked_at_under_the_name_that_was_asked_for(
    receiver: Receiver,
) -> None:
    post(f"http://localhost:{receiver.port}/x", {"event": "test"}, allow_private=True)

    assert receiver.hosts == [f"localhost:{receiver.port}"]


def test_the_secret_of_a_webhook_is_neither_shown_nor_logged_nor_audited(
    open_ctx: Context, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    world = builders.world(open_ctx)
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    target = hook(open_ctx, world, receiver)
    receiver.answers = [200, 500]
    for _ in range(2):
        alerts.try_target(open_ctx, world.professor, target.id)
        delivery = alerts.take_webhook(open_ctx)
        assert delivery is not None
        assert "secret" not in repr(delivery)
        with open_ctx.db.transaction() as session:
            session.execute(text("UPDATE webhook_outbox SET next_try_at = created_at"))
        deliver_waiting(open_ctx)

    seen = alerts.list_targets(open_ctx, world.professor, world.course_id)
    entries = audit.list_entries(open_ctx, world.professor, AuditFilter())
    assert "secret" not in repr(seen) + repr(entries) + caplog.text
    assert seen[-1].address == "127.0.0.1"


def test_slack_and_teams_get_their_own_forms(open_ctx: Context, receiver: Receiver) -> None:
    world = builders.world(open_ctx)
    with open_ctx.db.transaction() as session:
        session.execute(text("UPDATE course SET course_name = 'A <!channel> & B'"))
    for form in (TargetForm.SLACK, TargetForm.TEAMS):
        target = hook(open_ctx, world, receiver, form)
        alerts.try_target(open_ctx, world.professor, target.id)

    deliver_waiting(open_ctx)

    slack, teams = receiver.bodies
    assert str(slack["text"]).startswith("ULOS, A &lt;!channel&gt; &amp; B: un aviso de prueba")
    (attachment,) = teams["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert "prueba" in attachment["content"]["body"][0]["text"]
