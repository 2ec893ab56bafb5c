"""Errors over HTTP: one shape, in the reader's language, with the field named (RFC 9457)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from api.app import create_app
from api.problems import Problem
from core.context import Context
from tests import builders
from tests.http_worlds import signed_in
from web.problems import MEDIA_TYPE


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx), follow_redirects=False) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "en"),
    [
        ("GET", "/nowhere", b"", 404, "There is nothing at this address."),
        ("PATCH", "/healthz", b"", 405, "This address does not take requests of this method."),
        ("POST", "/courses/1/assignments", b"\xff", 400, "The body of the request cannot be read."),
        ("POST", "/courses/1/assignments", b"{", 422, "body is not valid JSON."),
        ("POST", "/courses/1/assignments", b"[]", 422, "body is not of the type object."),
        ("GET", "/assignments/0", b"", 422, "assignment_id must be ≥ 1."),
        ("GET", "/assignments/x", b"", 422, "assignment_id is not of the type integer."),
        ("GET", "/task-definitions?limit=0", b"", 422, "limit must be ≥ 1."),
        ("DELETE", "/assignments/1?force=maybe", b"", 422, "force is not of the type boolean."),
    ],
)
def test_what_the_framework_finds_is_said_in_our_words(
    client: TestClient, ctx: Context, *, method: str, path: str, content: bytes, status: int, en: str
) -> None:
    world = builders.world(ctx)
    more = {"Content-Type": "application/json"}

    answers = {
        language: client.request(
            method, path, headers=signed_in(ctx, world.professor, language) | more, content=content
        )
        for language in ("en", "es")
    }

    for answer in answers.values():
        assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
        assert Problem.model_validate(answer.json()).status == status
    assert answers["en"].json()["detail"].startswith(en)
    assert answers["es"].json()["detail"] != answers["en"].json()["detail"]


def test_every_missing_field_is_named(client: TestClient, ctx: Context) -> None:
    world = builders.world(ctx)

    answer = client.post(
        f"/courses/{world.course_id}/assignments", headers=signed_in(ctx, world.professor), json={}
    )

    assert [entry["field"] for entry in answer.json()["errors"]] == [
        "assignment_name",
        "assignment_start_date",
        "assignment_end_date",
        "task_definition_id",
    ]
    assert answer.json()["detail"].count("is missing") == 4


def test_a_text_that_is_too_large_is_refused_while_it_comes_whatever_it_says_it_is(
    client: TestClient, ctx: Context
) -> None:
    world = builders.world(ctx)
    headers = signed_in(ctx, world.professor)
    routes = [
        (method.upper(), re.sub(r"{\w+}", "1", path))
        for path, operations in client.get("/openapi.json").json()["paths"].items()
        for method, operation in operations.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]

    answers = [
        pour(client, method, path, headers | {"Content-Type": "application/json"}) for method, path in routes
    ]
    disguises = (
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Length": str(10**10)},
        {"Content-Length": "9" * 5000},
    )
    answers += [pour(client, "POST", "/tasks/1/logs", headers | disguise) for disguise in disguises]

    assert len(routes) >= 15
    assert {(status, kind, text) for status, kind, text, _ in answers} == {
        (413, MEDIA_TYPE, "The request is larger than 1 MB. Send less at once.")
    }
    assert {taken for *_, taken in answers} == {11, 0}


def pour(client: TestClient, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str, str, int]:
    """Status, kind and text of the answer to a body without end, and how many pieces of it were taken."""
    taken, answer, kind = 0, b"", ""
    status = 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b" " * 100_000, "more_body": taken < 1_000}

    async def send(message: Message) -> None:
        nonlocal status, kind, answer
        if message["type"] == "http.response.start":
            status, kind = message["status"], dict(message["headers"])[b"content-type"].decode()
        answer += message.get("body", b"")

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }

    async def ask() -> None:
        await client.app(scope, receive, send)

    asyncio.run(ask())
    return status, kind, json.loads(answer)["detail"], taken
