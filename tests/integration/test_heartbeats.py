"""A worker that is frozen is noticed by the processes that are not, and they raise the alarm."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from starlette.testclient import TestClient

from api.app import create_app
from core.context import PLATFORM, Context
from core.db import notify, utc_now
from core.errors import WorkerMissing, WorkerSilent
from core.models import Heartbeat
from core.services import alerts, monitoring
from core.services.health import check_components, error_of, is_ready
from core.services.heartbeats import WORKER_NAME, Heartbeats, check_worker, name_process
from core.services.leftovers import SWEEP_TOPIC
from core.standby import stand_in, standing_by
from core.vocabulary import AlertKind, TargetForm
from core.wake import Waker
from tests import builders
from tests.alert_worlds import mailing, only, open_ones, rule
from tests.conftest import Clock
from tests.integration.test_worker import is_alive, worker
from tests.smtp_server import mail_server
from tests.waiting import eventually
from tests.webhook_server import Receiver, webhook_receiver

LOOPS = {"copies", "relay", "operations", "alerts", "webhooks", "watch", "sweep"}


def rows(ctx: Context) -> set[str]:
    with ctx.db.transaction() as session:
        return set(session.scalars(select(Heartbeat.loop)))


def is_alive_when_woken(ctx: Context) -> bool:
    """Wake the sweep, which sleeps for up to a minute between two heartbeats, and ask for the worker."""
    with ctx.db.transaction() as session:
        notify(session, SWEEP_TOPIC)
    return is_alive(ctx)


def let_time_pass(ctx: Context, minutes: int = 60) -> None:
    """Make the heartbeats older, which a frozen worker does not renew."""
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE heartbeat SET at = at - :by"), {"by": timedelta(minutes=minutes)})


def test_a_frozen_worker_is_seen_by_readyz_monitoring_and_an_alert(
    ctx: Context, clock: Clock, tmp_path: Path
) -> None:
    monitor = builders.world(ctx).monitor
    only(ctx, AlertKind.WORKER, None)
    with worker(ctx, tmp_path / "log") as process, TestClient(create_app(ctx.settings, ctx)) as client:
        eventually(lambda: is_alive(ctx) and rows(ctx) >= LOOPS)
        assert not stand_in(ctx), "a worker that works needs no stand-in"

        os.kill(process.pid, signal.SIGSTOP)
        let_time_pass(ctx)

        answer = client.get("/readyz")
        assert answer.status_code == 200, "people can work: what they hand in is kept"
        assert "frozen or stuck" in answer.json()["components"]["worker"]
        assert is_ready(check_components(ctx))
        error = monitoring.read_components(ctx, monitor).errors["worker"]
        assert "está congelado o bloqueado" in error.sentence("es")
        assert stand_in(ctx)
        clock.advance(minutes=3)
        assert stand_in(ctx)
        assert open_ones(ctx) == [(AlertKind.WORKER, None, "worker")]

        os.kill(process.pid, signal.SIGCONT)
        eventually(lambda: is_alive_when_woken(ctx))


def test_a_frozen_worker_that_holds_the_lock_of_the_alerts_stops_no_alarm(ctx: Context, clock: Clock) -> None:
    builders.world(ctx)
    only(ctx, AlertKind.WORKER, None)

    with ctx.db.exclusively("alerts"):
        stand_in(ctx)
        clock.advance(minutes=3)
        stand_in(ctx)

    assert open_ones(ctx) == [(AlertKind.WORKER, None, "worker")]


def test_the_notices_of_the_alarm_go_out_without_the_worker(
    ctx: Context, clock: Clock, tmp_path: Path
) -> None:
    with mail_server(tmp_path) as mails, webhook_receiver() as receiver:
        raise_alarm(mailing(ctx, mails), clock, receiver)

        assert mails.recipients() == ["admin@uniandes.edu.co"]
        assert len(receiver.bodies) == 1


def raise_alarm(ctx: Context, clock: Clock, receiver: Receiver) -> None:
    builders.person(ctx, "admin", is_admin=True)
    ctx = builders.with_settings(ctx, ctx.settings.model_copy(update={"webhooks_to_private_addresses": True}))
    only(ctx, AlertKind.WORKER, None)
    alerts.add_target(ctx, PLATFORM, None, TargetForm.JSON, address=f"{receiver.url}/services/T0/secret")

    stand_in(ctx)
    clock.advance(minutes=3)
    stand_in(ctx)


def test_the_api_and_the_dashboard_stand_by_by_themselves(ctx: Context) -> None:
    builders.world(ctx)
    only(ctx, AlertKind.WORKER, None)
    kept = rule(ctx, None, AlertKind.WORKER)
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE alert_rule SET threshold = 1e-9 WHERE id = :id"), {"id": kept.id})

    with standing_by(replace(ctx, now=utc_now), every=0.05):
        eventually(lambda: open_ones(ctx))

    assert "standby" not in {thread.name for thread in threading.enumerate()}


def test_a_loop_that_is_stuck_is_named_while_the_others_work(ctx: Context) -> None:
    process = name_process()
    heartbeats = Heartbeats(ctx.db, process)
    with ctx.db.listening(f"{WORKER_NAME} {process}"):
        check_worker(ctx)  # it has only just started
        beat_from(heartbeats, "relay")
        let_time_pass(ctx)
        beat_from(heartbeats, "sweep")

        with pytest.raises(WorkerSilent, match=r"\(relay\)"):
            check_worker(ctx)

    # Postgres ends its process a moment after the connection.
    eventually(lambda: isinstance(error_of(lambda: check_worker(ctx)), WorkerMissing))


def test_rows_of_a_worker_that_was_killed_do_not_accuse_the_next_one(ctx: Context) -> None:
    beat_from(Heartbeats(ctx.db, name_process()), "relay")
    let_time_pass(ctx)
    process = name_process()

    with ctx.db.listening(f"{WORKER_NAME} {process}"):
        beat_from(Heartbeats(ctx.db, process), "relay")
        check_worker(ctx)


def beat_from(heartbeats: Heartbeats, loop: str) -> None:
    thread = threading.Thread(target=heartbeats.beat, args=(1.0,), name=loop)
    thread.start()
    thread.join()


def test_a_loop_beats_from_its_own_thread_whenever_it_waits(ctx: Context) -> None:
    heard: list[tuple[str, float]] = []
    waker = Waker(ctx.db, beat=lambda seconds: heard.append((threading.current_thread().name, seconds)))
    waker.start()

    def turn() -> None:
        waker.wait("topic", 0.01)
        waker.pause(0.02)

    thread = threading.Thread(target=turn, name="loop")
    thread.start()
    thread.join()
    waker.stop()

    assert heard == [("loop", 0.01), ("loop", 0.02)]
