"""The orchestrator's callbacks and sign-in over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from core.context import PLATFORM, Context
from core.services import accounts, submissions
from tests import builders

TOKEN = {"Authorization": "Bearer test-callback-token"}


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx)) as made:
        yield made


def test_callbacks_without_a_token_are_refused_in_words(client: TestClient, ctx: Context) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id

    answer = client.patch(f"/tasks/{task_id}", json={"PARSING": 3}, headers={"Accept-Language": "en"})

    assert answer.status_code == 401
    assert "not signed in" in answer.json()["detail"]


def test_statuses_by_id_and_by_name_in_one_body(client: TestClient, ctx: Context) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id

    answer = client.patch(f"/tasks/{task_id}", json={"PARSING": 3, "EXECUTION": "IN_PROGRESS"}, headers=TOKEN)

    assert answer.json()["status"] == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("body", "status"), [({"NOPE": 3}, 422), ({"PARSING": 9}, 422), ({"PARSING": "DONE"}, 422), ({}, 422)]
)
def test_what_is_unknown_is_refused_with_422(
    client: TestClient, ctx: Context, body: dict[str, Any], status: int
) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id

    assert client.patch(f"/tasks/{task_id}", json=body, headers=TOKEN).status_code == status


def test_a_log_repeated_under_its_key_is_one_line_and_the_same_answer(
    client: TestClient, ctx: Context
) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    headers = TOKEN | {"Idempotency-Key": "one"}

    answers = [
        client.post(f"/tasks/{task_id}/logs", json={"log_message": "hello"}, headers=headers).json()
        for _ in range(3)
    ]

    assert answers[0] == answers[1] == answers[2]
    lines = submissions.get_task(ctx, world.student, task_id).logs
    assert [line.message for line in lines].count("hello") == 1


def test_a_requeue_notice_answers_the_counter(client: TestClient, ctx: Context) -> None:
    task_id = builders.submit(ctx, builders.world(ctx)).task_id

    counts = [client.patch(f"/tasks/{task_id}/requeue", headers=TOKEN).json() for _ in range(2)]

    assert [answer["requeue_count"] for answer in counts] == [1, 2]
    assert counts[0]["task_id"] == task_id


def test_a_task_that_does_not_exist_is_404(client: TestClient) -> None:
    assert client.patch("/tasks/999999", json={"PARSING": 3}, headers=TOKEN).status_code == 404


def test_signing_in_answers_a_token_and_the_courses_with_the_older_word(
    client: TestClient, ctx: Context
) -> None:
    builders.world(ctx)
    accounts.ensure_person(
        ctx,
        PLATFORM,
        email="new@uniandes.edu.co",
        full_name="",
        password_hash=accounts.hash_password("secret"),
    )

    right = client.post("/auth/login", json={"email": "New@uniandes.edu.co", "password": "secret"})
    wrong = client.post("/auth/login", json={"email": "new@uniandes.edu.co", "password": "other"})

    assert right.json()["token_type"] == "bearer"
    assert wrong.status_code == 401


def test_failed_sign_ins_slow_down_and_the_wait_ends(client: TestClient, ctx: Context, clock: object) -> None:
    accounts.ensure_person(
        ctx,
        PLATFORM,
        email="new@uniandes.edu.co",
        full_name="",
        password_hash=accounts.hash_password("secret"),
    )
    body = {"email": "new@uniandes.edu.co", "password": "wrong"}
    for _ in range(accounts.FREE_FAILURES):
        client.post("/auth/login", json=body)

    slowed = client.post("/auth/login", json=body | {"password": "secret"})
    clock.advance(seconds=1)  # type: ignore[attr-defined]  # the settable clock of conftest
    opened = client.post("/auth/login", json=body | {"password": "secret"})

    assert (slowed.status_code, opened.status_code) == (429, 200)


def test_readiness_names_each_component(client: TestClient) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200, "people can work while the worker is away"
    components = answer.json()["components"]
    assert components.pop("worker").startswith("The worker does not run")
    assert components.pop("nodes").startswith("Nothing is processing submissions")
    assert components == {"database": "ok", "files": "ok", "schema": "ok"}
