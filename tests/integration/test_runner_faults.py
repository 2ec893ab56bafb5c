"""The runner while what it needs is away: it waits, loses nothing, and counts no run that never began."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import CursorResult, text

from core.broker import open_consumer
from core.context import PLATFORM, Context
from core.demo import samples
from core.errors import StorageUnavailable
from core.incidents import INCIDENT
from core.services import submissions
from core.storage import open_storage
from core.vocabulary import StageStatus
from runner import archives, job
from tests.laboratory import Laboratory

DELIVERIES = "SELECT deliveries, leased_by, leased_until > now() FROM queue_message"
HAND_OUT = "UPDATE queue_message SET leased_until = NULL"


def away(laboratory: Laboratory) -> Laboratory:
    """The same laboratory, whose node finds no file server."""
    settings = laboratory.ctx.settings.model_copy(update={"ftp_url": SecretStr("ftp://u:p@127.0.0.1:1/x")})
    return replace(laboratory, ctx=replace(laboratory.ctx, storage=open_storage(settings)))


def run_sql(ctx: Context, statement: str) -> list[tuple[object, ...]]:
    with ctx.db.transaction() as session:
        found = session.execute(text(statement))
        return [tuple(row) for row in found] if isinstance(found, CursorResult) and found.returns_rows else []


def test_a_delivery_that_cannot_begin_waits_and_is_no_requeue(laboratory: Laboratory) -> None:
    task_id = laboratory.submit("G-code", samples.gcode_good())

    for _ in range(3):
        away(laboratory).work()
        [(_, holder, is_postponed)] = run_sql(laboratory.ctx, DELIVERIES)
        assert (holder, is_postponed) == (None, True)
        task = submissions.get_task(laboratory.ctx, PLATFORM, task_id)
        assert (task.summary.status, task.requeue_count) == (StageStatus.PENDING, 0)
        run_sql(laboratory.ctx, HAND_OUT)
    laboratory.work()

    task = submissions.get_task(laboratory.ctx, PLATFORM, task_id)
    assert (task.summary.status, task.requeue_count) == (StageStatus.COMPLETED, 0)


def test_others_pass_a_delivery_that_waits(laboratory: Laboratory) -> None:
    with open_consumer(laboratory.ctx.settings, "one") as consumer:
        for number in range(2):
            laboratory.submit("G-code", samples.gcode_good() if number else samples.gcode_unknown())
        first = consumer.receive(1.0)
        assert first is not None
        consumer.postpone(first, 60)
        second = consumer.receive(1.0)

    assert second is not None
    assert second.id != first.id


def test_what_a_full_disk_of_the_runner_stops_is_given_back(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = laboratory.submit("G-code", samples.gcode_good())

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(archives, "unpack", no_room)
        laboratory.work()
    begun = submissions.get_task(laboratory.ctx, PLATFORM, task_id).summary.status
    run_sql(laboratory.ctx, HAND_OUT)
    with monkeypatch.context() as patch:
        patch.setattr(archives, "pack", no_room)
        laboratory.work()
    ran = submissions.get_task(laboratory.ctx, PLATFORM, task_id)
    run_sql(laboratory.ctx, HAND_OUT)
    laboratory.work()

    task = submissions.get_task(laboratory.ctx, PLATFORM, task_id)
    assert begun is StageStatus.PENDING
    assert ran.summary.status is StageStatus.IN_PROGRESS
    assert (task.summary.status, task.requeue_count) == (StageStatus.COMPLETED, 1)


def test_a_short_outage_while_results_are_stored_does_not_run_the_stage_again(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, failures = laboratory.ctx.storage.upload, iter([StorageUnavailable(), StorageUnavailable()])

    def sometimes(path: str, source: object) -> int:
        if error := next(failures, None):
            raise error
        return upload(path, source)  # type: ignore[arg-type]  # as it was given

    monkeypatch.setattr(job, "_FIRST_PAUSE", 0.01)
    task_id = laboratory.submit("G-code", samples.gcode_good())
    with monkeypatch.context() as patch:
        patch.setattr(type(laboratory.ctx.storage), "upload", lambda _, *given: sometimes(*given))
        laboratory.work()

    task = submissions.get_task(laboratory.ctx, PLATFORM, task_id)
    assert (task.summary.status, task.requeue_count) == (StageStatus.COMPLETED, 0)


@pytest.fixture
def ready_endpoint() -> Iterator[int]:
    """The port of an endpoint that says that the tables are there."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"components": {"schema": "ok"}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_an_unexpected_error_of_a_thread_ends_the_runner(ctx: Context, ready_endpoint: int) -> None:
    run_sql(ctx, "DROP TABLE queue_message CASCADE")
    environment = os.environ | {
        "ULOS_DATABASE_URL": ctx.settings.database_url.get_secret_value(),
        "ULOS_FTP_URL": ctx.settings.ftp_url.get_secret_value(),
        "ULOS_SECRET_KEY": "x",
        "ULOS_CALLBACK_TOKEN": "x",
        "ULOS_API_PORT": str(ready_endpoint),
    }

    done = subprocess.run(
        [sys.executable, "-m", "runner"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == INCIDENT, done.stderr[-2000:]
    assert "incident" in done.stderr
