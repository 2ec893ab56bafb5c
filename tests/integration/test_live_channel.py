"""The channel that tells open pages what has changed: who hears what, and until when."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.services import accounts, courses, reports, topics
from core.vocabulary import Role
from dashboard.live import Channel
from dashboard.live.hub import REMEMBERED_TOPICS, Follower, Hub
from tests.builders import World, person, submit, world
from tests.conftest import Clock
from tests.waiting import eventually

HOME = {"origin": "http://testserver"}


@pytest.fixture
def channel(ctx: Context) -> Channel:
    return Channel(lambda: ctx)


@pytest.fixture
def client(channel: Channel) -> Iterator[TestClient]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        channel.start()
        yield
        await channel.stop()

    with TestClient(Starlette(routes=[channel.route], lifespan=lifespan)) as client:
        eventually(lambda: channel.stamp().number > 0)  # it listens
        yield client


def token_of(ctx: Context, actor: Actor) -> str:
    ticket = accounts.open_ticket(ctx, actor.user_id or 0, nonce="n" * 20)
    return accounts.redeem_ticket(ctx, ticket=ticket, nonce="n" * 20, user_agent="test")


def opened(client: TestClient, token: str | None, **headers: str) -> WebSocketTestSession:
    cookie = {"cookie": f"ulos_session={token}"} if token else {}
    return client.websocket_connect("/live", headers=HOME | cookie | headers)


def follow(socket: WebSocketTestSession, actor: Actor, *wanted: str) -> dict[str, int]:
    socket.send_json({"person": actor.user_id, "follow": wanted})
    return dict(socket.receive_json()["versions"])


def code_at_the_end(socket: WebSocketTestSession) -> int:
    while True:
        try:
            socket.receive_json()
        except WebSocketDisconnect as end:
            return end.code


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://testserver.example", "null"])
def test_a_page_of_another_site_may_not_open_it(ctx: Context, client: TestClient, origin: str) -> None:
    token = token_of(ctx, world(ctx).student)

    with pytest.raises(WebSocketDisconnect) as refused, opened(client, token, origin=origin):
        pass

    assert refused.value.code == 1008


@pytest.mark.parametrize("token", [None, "made-up"])
def test_nobody_listens_without_a_session(client: TestClient, token: str | None) -> None:
    with opened(client, token) as socket:
        assert code_at_the_end(socket) == 4401


def test_a_change_is_told_to_whoever_follows_it(ctx: Context, client: TestClient) -> None:
    here = world(ctx)
    own, course = topics.of_user(here.student.user_id or 0), topics.of_course(here.course_id)

    with (
        opened(client, token_of(ctx, here.student)) as student,
        opened(client, token_of(ctx, here.monitor)) as monitor,
    ):
        before = follow(student, here.student, own) | follow(monitor, here.monitor, course)
        submit(ctx, here)
        after = student.receive_json()["versions"] | monitor.receive_json()["versions"]

    assert after[own] > before[own]
    assert after[course] > before[course]


def test_a_line_of_the_log_wakes_the_page_of_its_task_and_no_list(ctx: Context, client: TestClient) -> None:
    here = world(ctx)
    task_id = submit(ctx, here).task_id
    task, own = topics.of_task(task_id), topics.of_user(here.student.user_id or 0)

    with opened(client, token_of(ctx, here.student)) as student:
        before = follow(student, here.student, task, own)
        reports.add_task_log(ctx, ORCHESTRATOR, task_id, "Task received for processing")
        by_line = student.receive_json()["versions"]
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": "IN_PROGRESS"})
        by_status = student.receive_json()["versions"]

    assert (by_line[task] > before[task], by_line[own]) == (True, before[own])
    assert by_status[own] > before[own]


def test_a_student_hears_nothing_of_others(ctx: Context, client: TestClient) -> None:
    here = world(ctx)
    classmate = person(ctx, "classmate")
    courses.enrol(ctx, PLATFORM, here.course_id, classmate.user_id or 0, Role.STUDENT)
    task_id = submit(ctx, here).task_id
    foreign = (
        topics.of_user(here.student.user_id or 0),
        topics.of_course(here.course_id),
        topics.of_task(task_id),
        topics.MONITORING,
        "outbox",
        "session:1",
    )
    own = topics.of_user(classmate.user_id or 0)
    told = []

    with opened(client, token_of(ctx, classmate)) as socket:
        told.append(follow(socket, classmate, own, *foreign))
        submit(ctx, here, key="another")
        submit(ctx, World(**{**vars_of(here), "student": classmate}))
        while own not in told[-1] or told[-1][own] == told[0][own]:
            told.append(socket.receive_json()["versions"])

    assert {topic for versions in told for topic in versions} == {own}


def vars_of(here: World) -> dict[str, Any]:
    return {name: getattr(here, name) for name in World.__dataclass_fields__}


def test_who_may_follow_what_is_decided_by_the_role_in_the_course(ctx: Context) -> None:
    here = world(ctx)
    task_id = submit(ctx, here).task_id
    elsewhere = courses.create_course(ctx, PLATFORM, name="Elsewhere")
    courses.enrol(ctx, PLATFORM, elsewhere, here.stranger.user_id or 0, Role.PROFESSOR)
    course, task = topics.of_course(here.course_id), topics.of_task(task_id)
    own = topics.of_user(here.student.user_id or 0)
    wanted = frozenset({course, task, own, topics.MONITORING})

    allowed = {
        name: topics.limit(ctx, getattr(here, name), wanted)
        for name in ("professor", "monitor", "student", "stranger")
    }

    assert allowed == {
        "professor": {course, task, topics.MONITORING},
        "monitor": {course, task, topics.MONITORING},
        "student": {own, task},
        "stranger": {topics.MONITORING},
    }
    assert topics.limit(ctx, person(ctx, "boss", is_admin=True), wanted) == {course, task, topics.MONITORING}


def test_the_channel_ends_with_its_session_and_no_other(ctx: Context, client: TestClient) -> None:
    here = world(ctx)
    ending, staying = token_of(ctx, here.student), token_of(ctx, here.student)
    own = topics.of_user(here.student.user_id or 0)

    with opened(client, ending) as first, opened(client, staying) as second:
        follow(first, here.student, own)
        follow(second, here.student, own)
        accounts.end_session(ctx, ending)
        code = code_at_the_end(first)
        submit(ctx, here)
        told = second.receive_json()["versions"]

    assert code == 4401
    assert set(told) == {own}


def test_after_a_break_in_listening_everything_counts_as_changed(
    ctx: Context, clock: Clock, client: TestClient
) -> None:
    here = world(ctx)
    own, course = topics.of_user(here.student.user_id or 0), topics.of_course(here.course_id)
    old = token_of(ctx, here.monitor)
    clock.advance(hours=7)
    fresh = token_of(ctx, here.student)

    with opened(client, fresh) as student, opened(client, old) as monitor:
        before = follow(student, here.student, own)
        follow(monitor, here.monitor, course)
        clock.advance(hours=2)  # too long for the older session, and nobody is notified of that
        with ctx.db.transaction() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND query = 'LISTEN ulos'"
                )
            )
        after = student.receive_json()["versions"]
        code = code_at_the_end(monitor)

    assert after[own] > before[own]
    assert code == 4401


def test_an_open_page_does_not_keep_a_session_alive(ctx: Context, clock: Clock, client: TestClient) -> None:
    here = world(ctx)
    token = token_of(ctx, here.student)

    clock.advance(hours=7)
    with opened(client, token) as socket:
        follow(socket, here.student)
    clock.advance(hours=2)

    assert accounts.find_session(ctx, token) is None


def test_a_page_drawn_for_somebody_else_is_sent_away(ctx: Context, client: TestClient) -> None:
    here = world(ctx)

    with opened(client, token_of(ctx, here.student)) as socket:
        socket.send_json({"person": here.monitor.user_id, "follow": []})
        assert code_at_the_end(socket) == 4401


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "{",
        '{"person": 1}',
        '{"person": 1, "follow": [1]}',
        '{"person": "1", "follow": []}',
        "x" * 5000,
    ],
)
def test_what_is_no_message_of_ours_ends_the_channel(ctx: Context, client: TestClient, message: str) -> None:
    with opened(client, token_of(ctx, world(ctx).student)) as socket:
        socket.send_text(message)
        assert code_at_the_end(socket) == 1008


def test_a_topic_that_was_forgotten_counts_as_changed() -> None:
    hub = Hub()
    hub.publish(["task:1"])
    seen = hub.stamp()

    hub.publish([f"user:{number}" for number in range(REMEMBERED_TOPICS)])

    assert hub.version("task:1") >= seen.number
    assert hub.version("user:1") > seen.number


def test_a_session_that_ended_while_it_was_looked_up_is_doubted() -> None:
    hub = Hub()
    since = hub.stamp()
    hub.publish(["session:7"])
    ended, alive = Follower(7), Follower(8)

    hub.join(ended, since)
    hub.join(alive, since)

    assert ended.doubted
    assert not alive.doubted
