"""What is drawn over time, as JSON: the same numbers, spans that fit, and what may explain a change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from api.app import create_app
from core.context import ORCHESTRATOR, Context
from core.services import accounts, monitoring, reports
from core.services.monitoring import Scope, fitting_span
from core.vocabulary import TimeSpan
from tests import builders
from tests.conftest import Clock


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx)) as made:
        yield made


def answer(ctx: Context, client: TestClient, world: builders.World, **wanted: Any) -> dict[str, Any]:
    token = accounts.issue_api_token(ctx, world.monitor.user_id or 0)
    response = client.get("/monitoring/times", params=wanted, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200
    return dict(response.json())


def carry(ctx: Context, clock: Clock, world: builders.World, key: str, *, waits: int, runs: int) -> None:
    task = builders.submit(ctx, world, key=key).task_id
    clock.advance(seconds=waits)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task, {"PARSING": 2})
    clock.advance(seconds=runs)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task, {"PARSING": 3})


def test_waits_and_runs_come_per_span_with_their_samples_and_the_last_is_open(
    ctx: Context, clock: Clock, client: TestClient
) -> None:
    world, begun = builders.world(ctx), clock()
    carry(ctx, clock, world, "1", waits=10, runs=20)
    carry(ctx, clock, world, "2", waits=30, runs=40)
    clock.advance(hours=2)
    carry(ctx, clock, world, "3", waits=5, runs=6)

    told = answer(ctx, client, world, since=begun.isoformat())

    first, last = told["latency"]
    assert told["span"] == "hour"
    assert (first["stage_name"], first["is_open"], last["is_open"]) == ("PARSING", False, True)
    assert datetime.fromisoformat(first["at"]) == begun.replace(minute=0)
    assert first["waited"] == {"samples": 2, "p50": 20, "p95": 29, "p99": pytest.approx(29.8)}
    assert first["ran"]["p50"] == 30
    assert (last["waited"]["p50"], last["ran"]["p99"]) == (5, 6)
    assert [hour["submitted"] for hour in told["throughput"]] == [2, 1]


def test_the_same_window_a_week_before_is_there_to_compare(
    ctx: Context, clock: Clock, client: TestClient
) -> None:
    world, begun = builders.world(ctx), clock()
    carry(ctx, clock, world, "1", waits=1, runs=1)
    clock.advance(days=7)

    told = answer(ctx, client, world, since=(begun + timedelta(days=6)).isoformat(), span="day")

    assert told["throughput"] == []
    assert [hour["submitted"] for hour in told["week_before"]] == [1]


def test_a_new_version_of_a_definition_in_use_is_marked(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    with ctx.db.transaction() as session:
        session.execute(
            text(
                "INSERT INTO definition_version (definition_id, number, created_at)"
                " VALUES (:id, 2, :now), (:id, 3, :long_ago)"
            ),
            {"id": world.definition_id, "now": clock(), "long_ago": clock() - timedelta(days=90)},
        )

    marks = monitoring.list_marks(ctx, world.monitor, Scope(since=clock() - timedelta(days=30)))

    assert [(mark.at, mark.version) for mark in marks] == [(clock(), 2)]


@pytest.mark.parametrize(
    ("days", "span"), [(1, TimeSpan.HOUR), (30, TimeSpan.DAY), (365, TimeSpan.WEEK), (None, TimeSpan.WEEK)]
)
def test_a_window_gets_the_span_that_fits_it(clock: Clock, days: int | None, span: TimeSpan) -> None:
    since = None if days is None else clock() - timedelta(days=days)

    assert fitting_span(Scope(since=since), clock()) is span


def test_the_trend_of_a_cause_counts_each_failure_in_its_part_of_the_window(
    ctx: Context, clock: Clock
) -> None:
    world, begun = builders.world(ctx), clock()
    for number in range(3):
        builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, world, key=f"{number}").task_id)
        clock.advance(hours=number)

    (group,) = monitoring.group_failures(
        ctx, world.monitor, Scope(since=begun, until=begun + timedelta(hours=12))
    ).groups

    assert group.trend == (2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
