"""Alerts: when incidents begin and end, and who is told of it, with a real mail server and HTTP receiver."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import builders
import pytest
from conftest import Clock
from pydantic import SecretStr
from smtp_server import MailServer, mail_server
from sqlalchemy import delete, select, text
from sqlalchemy.exc import IntegrityError
from starlette.testclient import TestClient
from webhook_server import Receiver, webhook_receiver

from api.app import create_app
from core.alerting import deliver_waiting, start_threads
from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.errors import (
    BadEmail,
    BadWebhook,
    NoMail,
    NotAllowed,
    NotFound,
    OutOfBounds,
    StorageUnavailable,
    WebhookFailed,
)
from core.mail import open_mailer
from core.mailing import send_waiting
from core.models import AlertIncident, AlertTarget, OutgoingMail, OutgoingWebhook, ParkedReport
from core.relay import copy_next
from core.services import accounts, alerts, audit, courses, reports
from core.services.alerts import Reading, Rule, judge
from core.services.audit import AuditFilter
from core.storage import open_storage
from core.vocabulary import AlertKind, AuditAction, ParkReason, TargetForm
from core.wake import Waker
from core.webhook import is_public, post, resolve


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


def test_a_task_that_waits_too_long_is_told_once_and_again_when_it_is_over(
    open_ctx: Context, clock: Clock, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    task = builders.submit(open_ctx, world)
    builders.carry(open_ctx)

    for minutes in (10, 6, 6):
        clock.advance(minutes=minutes)
        alerts.evaluate(open_ctx, PLATFORM)
    reports.set_stage_statuses(open_ctx, ORCHESTRATOR, task.task_id, {"PARSING": "IN_PROGRESS"})
    calm_down(open_ctx, clock)
    deliver_waiting(open_ctx)

    told = [(body["event"], body["kind"], body["course"]) for body in receiver.bodies]
    assert told == [("opened", "waiting", "Robotics"), ("closed", "waiting", "Robotics")]
    assert receiver.paths == ["/services/T0/secret"] * 2


def test_four_evaluations_at_once_write_one_notice_for_the_beginning_and_one_for_the_end(
    open_ctx: Context, clock: Clock, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    only(open_ctx, AlertKind.PARKED, world.course_id)
    task = builders.submit(open_ctx, world)
    park(open_ctx, task.task_id)

    def all_at_once() -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: alerts.evaluate(open_ctx, PLATFORM), range(8)))

    all_at_once()
    begun = waiting_notices(open_ctx)
    unpark(open_ctx)
    all_at_once()
    clock.advance(minutes=6)
    all_at_once()

    assert begun == ["opened"]
    assert waiting_notices(open_ctx) == ["opened", "closed"]


def test_several_senders_deliver_each_notice_once_and_in_order(
    open_ctx: Context, clock: Clock, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    only(open_ctx, AlertKind.PARKED, world.course_id)
    task = builders.submit(open_ctx, world)
    for _ in range(3):
        park(open_ctx, task.task_id)
        alerts.evaluate(open_ctx, PLATFORM)
        unpark(open_ctx)
        calm_down(open_ctx, clock)

    with ThreadPoolExecutor(4) as pool:
        sent = sum(pool.map(lambda _: deliver_waiting(open_ctx), range(12)))
    sent += deliver_waiting(open_ctx)

    assert sent == 6
    assert [body["event"] for body in receiver.bodies] == ["opened", "closed"] * 3
    assert len({str(body["id"]) for body in receiver.bodies}) == 6


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_measured_beginnings_and_ends_take_turns(
    open_ctx: Context, clock: Clock, receiver: Receiver, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  a past that can be repeated
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    kept = only(open_ctx, AlertKind.WAITING, world.course_id)

    for _ in range(24):
        what = dice.choice(("holds", "holds", "calm", "calm", "between", "gone"))
        reading = Reading("", 1.0, 1.0, holds=what == "holds", calm=what == "calm", lasts=seed % 2 == 1)
        for _ in range(dice.randrange(1, 4)):
            with open_ctx.db.transaction() as session:
                alerts.settle(session, open_ctx, kept.id, [] if what == "gone" else [reading])
            clock.advance(minutes=dice.choice((0.5, 3, 10)))

    events = waiting_notices(open_ctx)
    assert len(events) > 2
    assert events == [("opened", "closed")[turn % 2] for turn in range(len(events))]
    with open_ctx.db.transaction() as session:
        rows = session.execute(select(AlertIncident.opened_at, AlertIncident.closed_at)).all()
    assert sum(row.closed_at is None and row.opened_at is not None for row in rows) == len(events) % 2


def test_the_database_holds_one_incident_at_most_for_a_rule_and_subject(ctx: Context) -> None:
    kept = rule(ctx, None, AlertKind.UNREACHABLE)
    row = {"rule_id": kept.id, "subject": "files", "held_since": ctx.now(), "opened_at": ctx.now()}
    figures = {"value": 1.0, "worst": 1.0, "threshold": 1.0}
    with ctx.db.transaction() as session:
        session.add(AlertIncident(**row, **figures))

    with pytest.raises(IntegrityError), ctx.db.transaction() as session:
        session.add(AlertIncident(**row, **figures))


def test_an_evaluation_that_does_not_come_to_its_end_tells_nobody(
    open_ctx: Context, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    kept = only(open_ctx, AlertKind.WAITING, world.course_id)
    reading = Reading("", 20.0, 15.0, holds=True, calm=False)

    def die() -> None:
        with open_ctx.db.transaction() as session:
            alerts.settle(session, open_ctx, kept.id, [reading])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    assert waiting_notices(open_ctx) == []
    with open_ctx.db.transaction() as session:
        alerts.settle(session, open_ctx, kept.id, [reading])

    assert waiting_notices(open_ctx) == ["opened"]
    assert open_ones(open_ctx) == [(AlertKind.WAITING, world.course_id, "")]


def test_a_value_around_its_threshold_does_not_flap(open_ctx: Context, clock: Clock) -> None:
    world = builders.world(open_ctx)
    kept = only(open_ctx, AlertKind.WAITING, world.course_id)

    for value in (16, 14, 16, 13, 14.5, 16, 11, 14, 11):
        with open_ctx.db.transaction() as session:
            reading = Reading("", value, 15, holds=value > 15, calm=value <= 12)
            alerts.settle(session, open_ctx, kept.id, [reading])
        clock.advance(minutes=4)

    assert len(alerts.list_incidents(open_ctx, PLATFORM)) == 1
    assert open_ones(open_ctx) != []


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
    (attachment,) = teams["attachments"]  # type: ignore[misc]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert "prueba" in attachment["content"]["body"][0]["text"]


def judged(failed: int, ended: int, usual: tuple[int, int]) -> Reading:
    return judge(Rule(1, 1, AlertKind.FAILURES, True, 2.0, 20, 0, 0), (failed, ended), usual)


def test_a_course_that_always_fails_forty_percent_is_left_in_peace() -> None:
    assert not judged(16, 40, (400, 1000)).holds
    assert not judged(20, 40, (400, 1000)).holds
    assert judged(33, 40, (400, 1000)).holds


@pytest.mark.parametrize(
    ("failed", "ended", "usual", "holds"),
    [
        (12, 40, (50, 1000), True),
        (4, 40, (50, 1000), False),
        (19, 19, (50, 1000), False),
        (40, 40, (5, 10), False),
        (40, 40, (900, 1000), True),
        (37, 40, (900, 1000), False),
        (2, 20, (0, 1000), True),
    ],
)
def test_failures_are_held_against_the_usual_and_against_chance(
    failed: int, ended: int, usual: tuple[int, int], holds: bool
) -> None:
    assert judged(failed, ended, usual).holds is holds


def test_the_ratio_is_counted_from_rows_and_its_past_excludes_the_last_hour(
    ctx: Context, clock: Clock
) -> None:
    world = builders.world(ctx)
    kept = only(ctx, AlertKind.FAILURES, world.course_id)
    alerts.change_rule(ctx, world.professor, kept.id, is_on=True, threshold=2, least=4)

    def hand_in(count: int, failing: int, name: str) -> None:
        for number in range(count):
            task = builders.submit(ctx, world, key=f"{name}{number}").task_id
            if number < failing:
                builders.fail(ctx, ORCHESTRATOR, task)
            else:
                done = {"PARSING": "COMPLETED", "EXECUTION": "COMPLETED"}
                reports.set_stage_statuses(ctx, ORCHESTRATOR, task, done)

    hand_in(10, 1, "past")
    clock.advance(hours=3)
    hand_in(5, 0, "now")
    alerts.evaluate(ctx, PLATFORM)
    quiet = open_ones(ctx)
    hand_in(7, 7, "red")
    alerts.evaluate(ctx, PLATFORM)

    assert quiet == []
    assert open_ones(ctx) == [(AlertKind.FAILURES, world.course_id, "")]
    seen = rule(ctx, world.course_id, AlertKind.FAILURES)
    assert (seen.usual_failed, seen.usual_ended) == (1, 10)


def test_silence_is_worth_a_word_only_while_something_runs(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    only(ctx, AlertKind.SILENCE, world.course_id)
    task = builders.submit(ctx, world).task_id
    clock.advance(hours=2)
    alerts.evaluate(ctx, PLATFORM)
    while_waiting = open_ones(ctx)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task, {"PARSING": "IN_PROGRESS"})
    clock.advance(minutes=29)
    alerts.evaluate(ctx, PLATFORM)
    reports.add_task_log(ctx, ORCHESTRATOR, task, "still here", stage="PARSING")
    clock.advance(minutes=29)
    alerts.evaluate(ctx, PLATFORM)
    after_a_word = open_ones(ctx)
    clock.advance(minutes=2)
    alerts.evaluate(ctx, PLATFORM)

    assert (while_waiting, after_a_word) == ([], [])
    assert open_ones(ctx) == [(AlertKind.SILENCE, world.course_id, "")]


def test_a_queue_that_nobody_takes_from_is_told_after_its_minutes(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    only(ctx, AlertKind.NO_CONSUMER, None)
    builders.submit(ctx, world)
    builders.carry(ctx)

    alerts.evaluate(ctx, PLATFORM)
    at_first = open_ones(ctx)
    clock.advance(minutes=2)
    alerts.evaluate(ctx, PLATFORM)

    assert at_first == []
    assert open_ones(ctx) == [(AlertKind.NO_CONSUMER, None, "ulos")]


def test_a_file_server_that_is_gone_is_told_by_itself_and_by_what_it_keeps_waiting(
    ctx: Context, clock: Clock
) -> None:
    world = builders.world(ctx)
    nowhere = ctx.settings.model_copy(update={"ftp_url": SecretStr("ftp://u:p@127.0.0.1:1/x")})
    down = replace(ctx, settings=nowhere, storage=open_storage(nowhere))
    builders.submit(ctx, world)
    with pytest.raises(StorageUnavailable):
        copy_next(down)
    for minutes in (0, 3, 8):
        clock.advance(minutes=minutes)
        alerts.evaluate(down, PLATFORM)

    found = {(kind, subject) for kind, course, subject in open_ones(ctx) if course is None}
    assert {(AlertKind.UNREACHABLE, "files"), (AlertKind.WRITES, "")} <= found


def test_the_disk_of_the_embedded_file_server_is_watched(ctx: Context, tmp_path: Path) -> None:
    own = builders.with_settings(
        ctx, ctx.settings.model_copy(update={"ftp_url": SecretStr(""), "data_dir": tmp_path})
    )
    kept = only(own, AlertKind.DISK, None)

    alerts.change_rule(own, PLATFORM, kept.id, is_on=True, threshold=90)
    alerts.evaluate(ctx, PLATFORM)
    of_a_server_elsewhere = open_ones(ctx)
    alerts.evaluate(own, PLATFORM)

    assert of_a_server_elsewhere == []
    (incident,) = alerts.list_incidents(own, PLATFORM, is_open=True)
    assert incident.kind is AlertKind.DISK
    assert 0 < incident.value < 90


def test_switching_a_rule_off_ends_its_incident_at_once(open_ctx: Context, receiver: Receiver) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    kept = only(open_ctx, AlertKind.PARKED, world.course_id)
    park(open_ctx, builders.submit(open_ctx, world).task_id)
    alerts.evaluate(open_ctx, PLATFORM)

    alerts.change_rule(open_ctx, world.professor, kept.id, is_on=False, threshold=1)
    alerts.evaluate(open_ctx, PLATFORM)

    assert open_ones(open_ctx) == []
    assert waiting_notices(open_ctx) == ["opened", "closed"]


def test_acknowledging_says_who_when_and_why_and_stands_in_the_audit(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    only(ctx, AlertKind.PARKED, world.course_id)
    park(ctx, builders.submit(ctx, world).task_id)
    alerts.evaluate(ctx, PLATFORM)
    (incident,) = alerts.list_incidents(ctx, world.monitor, is_open=True)

    seen = alerts.acknowledge(ctx, world.monitor, incident.id, note="  I look at it ")

    assert (seen.acknowledged_by, seen.acknowledged_at) == ("monitor@uniandes.edu.co", clock())
    assert seen.note == "I look at it"
    wanted = AuditFilter(action=AuditAction.INCIDENT_ACKNOWLEDGED)
    assert [entry.note for entry in audit.list_entries(ctx, world.professor, wanted)] == ["I look at it"]
    with pytest.raises(NotFound):
        alerts.acknowledge(ctx, world.stranger, incident.id)
    unpark(ctx)
    calm_down(ctx, clock)
    with pytest.raises(NotFound):
        alerts.acknowledge(ctx, world.monitor, incident.id)


def test_who_may_do_what_with_alerts(ctx: Context) -> None:
    world = builders.world(ctx)
    mine = rule(ctx, world.course_id, AlertKind.WAITING)
    whole = rule(ctx, None, AlertKind.WAITING)
    admin = builders.person(ctx, "admin", is_admin=True)
    form = TargetForm.KEEPERS

    def change(actor: Actor, one: Rule) -> None:
        alerts.change_rule(ctx, actor, one.id, is_on=True, threshold=9)

    change(world.professor, mine)
    change(admin, mine)
    change(admin, whole)
    assert alerts.list_rules(ctx, world.monitor, world.course_id)[0].threshold == 9
    for actor, one, refusal in (
        (world.monitor, mine, NotAllowed),
        (world.student, mine, NotAllowed),
        (world.stranger, mine, NotFound),
        (world.professor, whole, NotAllowed),
    ):
        with pytest.raises(refusal):
            change(actor, one)
    for attempt in (
        lambda: alerts.add_target(ctx, world.monitor, world.course_id, form),
        lambda: alerts.add_target(ctx, world.professor, None, form),
        lambda: alerts.list_incidents(ctx, world.student),
        lambda: alerts.list_rules(ctx, world.professor, None),
        lambda: alerts.evaluate(ctx, admin),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    with pytest.raises(OutOfBounds):
        alerts.change_rule(ctx, world.professor, mine.id, is_on=True, threshold=0)


def test_a_target_can_be_removed_and_mail_is_not_promised_where_none_is_sent(ctx: Context) -> None:
    world = builders.world(ctx)
    (first,) = alerts.list_targets(ctx, world.monitor, world.course_id)

    with pytest.raises(NoMail):
        alerts.try_target(ctx, world.professor, first.id)
    alerts.remove_target(ctx, world.professor, first.id)
    alerts.evaluate(ctx, PLATFORM)

    assert (first.form, first.address) == (TargetForm.KEEPERS, "professor@uniandes.edu.co")
    assert alerts.list_targets(ctx, world.monitor, world.course_id) == []
    with ctx.db.transaction() as session:
        assert session.scalars(select(OutgoingMail.id)).all() == []


def test_incidents_of_other_courses_are_not_seen(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    only(ctx, AlertKind.WAITING, world.course_id)
    builders.submit(ctx, world)
    clock.advance(minutes=20)
    alerts.evaluate(ctx, PLATFORM)
    other = courses.create_course(ctx, world.professor, name="Other")
    assert [one.course_id for one in alerts.list_incidents(ctx, world.monitor)] == [world.course_id]
    assert alerts.list_incidents(ctx, world.professor, course_id=other) == []
    assert alerts.count_open(ctx, PLATFORM)[AlertKind.WAITING] == 1
    assert clock() - alerts.list_incidents(ctx, PLATFORM)[0].opened_at == timedelta(0)


def test_incidents_are_read_as_json_and_counted_for_prometheus(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    only(ctx, AlertKind.WAITING, world.course_id)
    builders.submit(ctx, world)
    clock.advance(minutes=20)
    alerts.evaluate(ctx, PLATFORM)

    def signed_in(actor: Actor) -> dict[str, str]:
        token = accounts.issue_api_token(ctx, actor.user_id or 0)
        return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    with TestClient(create_app(ctx.settings, ctx)) as client:
        path = "/monitoring/incidents"
        now = client.get(path, params={"open": True}, headers=signed_in(world.monitor)).json()
        over = client.get(path, params={"open": False}, headers=signed_in(world.monitor)).json()
        refused = client.get(path, headers=signed_in(world.student)).status_code
        metrics = client.get("/metrics").text

    (seen,) = now["incidents"]
    assert seen["sentence"] == "The oldest submission has waited for 20 minutes; the limit is 15 minutes."
    assert (seen["kind"], seen["course_name"], seen["closed_at"]) == ("waiting", "Robotics", None)
    assert over == {"incidents": []}
    assert refused == 403
    assert 'ulos_open_incidents{kind="waiting"} 1.0' in metrics
    assert 'ulos_open_incidents{kind="disk"} 0.0' in metrics


def test_the_loops_of_the_worker_find_tell_and_deliver_by_themselves(
    open_ctx: Context, receiver: Receiver
) -> None:
    world = builders.world(open_ctx)
    hook(open_ctx, world, receiver)
    only(open_ctx, AlertKind.PARKED, world.course_id)
    park(open_ctx, builders.submit(open_ctx, world).task_id)
    waker = Waker(open_ctx.db)
    waker.start()
    threads = start_threads(open_ctx, waker, first_after=0.0)

    builders.wait_until(lambda: bool(receiver.bodies))

    waker.stop()
    for thread in threads:
        thread.join()
    assert [body["event"] for body in receiver.bodies] == ["opened"]
