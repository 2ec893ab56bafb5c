"""What people do with alerts, who may, and what programs read of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from api.app import create_app
from core.alerting import start_threads
from core.context import PLATFORM, Actor, Context
from core.errors import (
    NoMail,
    NotAllowed,
    NotFound,
    OutOfBounds,
)
from core.models import OutgoingMail
from core.services import accounts, alerts, audit, courses
from core.services.alerts import Rule
from core.services.audit import AuditFilter
from core.vocabulary import AlertKind, AuditAction, TargetForm
from core.wake import Waker
from tests import builders
from tests.alert_worlds import calm_down, hook, only, open_ones, park, rule, unpark, waiting_notices
from tests.conftest import Clock
from tests.webhook_server import Receiver, webhook_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as made:
        yield made


@pytest.fixture
def open_ctx(ctx: Context) -> Context:
    """An installation whose webhooks may be in its own network."""
    return builders.with_settings(
        ctx, ctx.settings.model_copy(update={"webhooks_to_private_addresses": True})
    )


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
