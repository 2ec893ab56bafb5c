"""Relay and listener change the same attempts at the same moment, and neither is undone for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select, text

from core.broker import PostgresPublisher
from core.context import ORCHESTRATOR, Context
from core.models import OutboxMessage, TaskAttempt
from core.relay import copy_next, publish_batch
from core.services import reports
from core.wire import FAILED_KEY, LOG_KEY
from core.wire.reports import read_report
from tests import builders
from tests.locks import waits_for_a_lock
from tests.node_reports import RECEIVED, Carried
from tests.waiting import eventually


def report_on_all(ctx: Context) -> None:
    """Nodes take every task, and every one of them fails."""
    with ctx.db.transaction() as session:
        bodies = session.scalars(select(OutboxMessage.body).order_by(OutboxMessage.id)).all()
    taken = [Carried.from_message(bytes(body), tag) for tag, body in enumerate(bodies, 1)]
    said = [read_report(carried.write(RECEIVED), LOG_KEY) for carried in taken]
    said += [read_report(carried.towards(success=False).write(), FAILED_KEY) for carried in taken]
    reports.apply_reports(ctx, ORCHESTRATOR, said)


def publish_all(ctx: Context) -> None:
    assert publish_batch(ctx, PostgresPublisher()) == 2


@pytest.mark.parametrize("act", [publish_all, report_on_all])
def test_who_waits_for_an_attempt_holds_none_that_comes_after_it(
    ctx: Context, act: Callable[[Context], None]
) -> None:
    world = builders.world(ctx)
    for key in "ab":
        builders.submit(ctx, world, key=key)
        copy_next(ctx)
    with ctx.db.transaction() as session:
        first, second = session.scalars(select(TaskAttempt.id).order_by(TaskAttempt.id))
        # Rewritten, the first now lies after the second, where a plain update comes to it last.
        session.execute(text("UPDATE task_attempt SET run = run WHERE id = :id"), {"id": first})
    acting = threading.Thread(target=act, args=(ctx,))

    with ctx.db.transaction() as session:
        session.get(TaskAttempt, first, with_for_update=True)
        acting.start()
        eventually(lambda: waits_for_a_lock(ctx))
        session.execute(select(TaskAttempt.id).where(TaskAttempt.id == second).with_for_update(nowait=True))
    acting.join()
