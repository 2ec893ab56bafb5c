"""Errors over HTTP: one shape, in the reader's language, with the field named (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator

import builders
import pytest
from http_worlds import signed_in
from starlette.testclient import TestClient

from api.app import create_app
from api.problems import MEDIA_TYPE, Problem
from core.context import Context


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(create_app(ctx.settings, ctx), follow_redirects=False) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "en"),
    [
        ("GET", "/nowhere", b"", 404, "There is nothing at this address."),
        ("PATCH", "/healthz", b"", 405, "This address does not take requests of this method."),
        ("POST", "/courses/1/assignments", b"\xff", 422, "body cannot be understood."),
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
