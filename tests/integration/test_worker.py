"""The process of the loops, as the supervisor starts it: it lives whole, or it ends loudly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from core import topology
from core.context import Context
from core.embedded.parent import end_with_parent
from core.incidents import INCIDENT
from core.services import monitoring
from core.services.health import check_components, is_ready
from core.wire import LOG_KEY
from tests import amqp, builders
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]

LOOPS = {
    "copies": "ALTER TABLE task_attempt RENAME COLUMN copy_error TO lost",
    "relay": "ALTER TABLE outbox RENAME COLUMN body TO lost",
    "operations": "ALTER TABLE operation RENAME TO lost",
    "mails": "ALTER TABLE mail_outbox RENAME TO lost",
    "sweep": "ALTER TABLE login_ticket RENAME TO lost",
    "topology": "ALTER TABLE queue_binding RENAME TO lost",
    "listener": "ALTER TABLE applied_report RENAME TO lost",
}
"""What trips each loop in a way that it cannot foresee."""


@contextmanager
def worker(ctx: Context, log: Path, **further: str) -> Iterator[subprocess.Popen[bytes]]:
    settings = ctx.settings
    ours = {
        "ULOS_DATABASE_URL": settings.database_url.get_secret_value(),
        "ULOS_FTP_URL": settings.ftp_url.get_secret_value(),
        "ULOS_AMQP_URL": settings.amqp_url.get_secret_value(),
        "ULOS_DATA_DIR": str(settings.data_dir),
        "ULOS_SECRET_KEY": "test-secret-key",
        "ULOS_CALLBACK_TOKEN": "test-callback-token",
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "core", "worker"],
            cwd=ROOT,
            env={**os.environ, **ours, **further},
            stdout=output,
            stderr=output,
            preexec_fn=partial(end_with_parent, signal.SIGKILL),  # noqa: PLW1509  one system call, no locks
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def is_alive(ctx: Context) -> bool:
    return check_components(ctx)["worker"] == "ok"


def test_whether_a_worker_is_alive_is_known_at_once_and_shuts_nobody_out(
    ctx: Context, tmp_path: Path
) -> None:
    monitor = builders.world(ctx).monitor
    assert not is_alive(ctx)

    with worker(ctx, tmp_path / "log") as process:
        eventually(lambda: is_alive(ctx))
        assert "worker" not in monitoring.read_components(ctx, monitor).errors
        process.kill()
        process.wait()
        eventually(lambda: not is_alive(ctx))

    assert is_ready(check_components(ctx)), "what is handed in is accepted and kept"
    error = monitoring.read_components(ctx, monitor).errors["worker"]
    assert "no está en marcha" in error.sentence("es")


def test_a_worker_ends_in_order_when_it_is_told_to(ctx: Context, tmp_path: Path) -> None:
    with worker(ctx, tmp_path / "log") as process:
        eventually(lambda: is_alive(ctx))
        process.terminate()

        assert process.wait(60) == 0

    assert "incident" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_meets_what_nobody_foresaw_ends_the_worker_and_says_why(
    ctx: Context, amqp_url: str, tmp_path: Path, loop: str
) -> None:
    ctx = builders.with_settings(ctx, ctx.settings.model_copy(update={"amqp_url": SecretStr(amqp_url)}))
    builders.submit(ctx, builders.world(ctx))
    topology.ensure_topology(ctx, topology.expected(ctx))
    amqp.publish(amqp_url, LOG_KEY, b"what the listener finds")
    with ctx.db.transaction() as session:
        session.execute(text(LOOPS[loop]))
    log = tmp_path / "log"

    with worker(ctx, log, ULOS_SMTP_URL="smtp://127.0.0.1:9?tls=off") as process:
        assert process.wait(60) == INCIDENT

    assert f"incident: {loop} met ProgrammingError" in log.read_text()
    assert not is_alive(ctx)
