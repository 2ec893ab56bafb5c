"""One request id leads through the logs of all processes."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from api.app import create_app
from core import logs
from core.broker import check_broker, open_publisher
from core.config import Settings
from core.context import Context
from core.errors import BrokerUnavailable
from core.relay import copy_next, publish_batch
from tests import builders
from tests.http_worlds import signed_in
from tests.ports import free_port


@pytest.fixture
def lines(settings: Settings) -> Iterator[io.StringIO]:
    """What this process logs, as JSON."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.configure(settings.model_copy(update={"log_format": "json"}), stream)
    yield stream
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def entries(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_submission_is_followed_from_the_request_to_the_broker(ctx: Context, lines: io.StringIO) -> None:
    world = builders.world(ctx)
    app = create_app(ctx.settings, ctx)
    with TestClient(app) as client:
        logs.configure(ctx.settings.model_copy(update={"log_format": "json"}), lines)
        headers = signed_in(ctx, world.student) | {"X-Request-ID": "from-the-proxy-1"}
        answer = client.post(
            f"/assignments/{world.assignment_id}/submit",
            files={"file": ("cubo.zip", builders.archive())},
            headers=headers,
        )
    assert answer.status_code == 201
    assert answer.headers["x-request-id"] == "from-the-proxy-1"

    while copy_next(ctx):
        pass
    publisher = open_publisher(ctx.settings)
    publish_batch(ctx, publisher)
    publisher.close()

    task = answer.json()["id"]
    followed = [entry for entry in entries(lines) if entry.get("request_id") == "from-the-proxy-1"]
    assert [entry["event"] for entry in followed] == [
        f"submission accepted task_id={task}",
        f"published task_id={task} attempt_id={task}",
    ]
    assert {entry["logger"] for entry in followed} == {"core.services.submissions.submit", "core.relay"}
    assert all(entry["timestamp"] and entry["level"] == "info" for entry in followed)
    assert logs.find_request_id() is None


@pytest.mark.parametrize("given", ["two words", "x" * 65, "a\u00f1o", "", "a/b"])
def test_an_id_that_could_forge_a_line_is_replaced(ctx: Context, given: str) -> None:
    with TestClient(create_app(ctx.settings, ctx)) as client:
        answers = [client.get("/healthz", headers={b"X-Request-ID": given.encode()}) for _ in range(2)]

    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids - {given}) == 2


def test_an_incident_is_logged_with_time_name_and_request(
    ctx: Context, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.health.check_components", lambda _ctx: 1 / 0)
    with TestClient(create_app(ctx.settings, ctx), raise_server_exceptions=False) as client:
        logs.configure(ctx.settings, lines)
        answer = client.get("/readyz", headers={"X-Request-ID": "r-1", "Accept-Language": "en"})

    incident = answer.json()["detail"].rsplit(" ", 1)[1]
    [line] = [line for line in lines.getvalue().splitlines() if f"incident {incident}" in line]
    assert line.endswith("request_id=r-1")
    assert " ERROR api.errors: " in line
    assert "ZeroDivisionError: division by zero" in lines.getvalue()
    assert answer.headers["x-request-id"] == "r-1"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_broker_that_refuses_is_told_by_its_error_alone(settings: Settings, lines: io.StringIO) -> None:
    address = SecretStr(f"amqp://guest:guest@127.0.0.1:{free_port()}/")

    with pytest.raises(BrokerUnavailable):
        check_broker(settings.model_copy(update={"amqp_url": address}))

    assert entries(lines) == []
