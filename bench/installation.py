"""What the measurements begin with: servers that are thrown away, and our processes against them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core.bootstrap import open_context
from core.config import Settings
from core.context import Context
from core.embedded.ftp import EmbeddedFtp
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.state import _free_port
from core.migrate import upgrade


@contextmanager
def servers(folder: Path, **further: str | int) -> Iterator[Context]:
    """Postgres with our tables and an FTP server, until the block ends; `further` settings by their names."""
    server = EmbeddedPostgres(folder / "postgres", port=_free_port(0), password="bench")  # noqa: S106  thrown away
    with server, EmbeddedFtp(folder / "ftp") as files:
        values = {
            "database_url": server.url(),
            "ftp_url": f"{files.url}/bench",
            "secret_key": "bench",
            "callback_token": "bench",
        } | further
        ctx = open_context(
            Settings(
                **{
                    name: SecretStr(value) if isinstance(value, str) else value
                    for name, value in values.items()
                },
                _env_file=None,
            )
        )
        upgrade(ctx.db)
        try:
            yield ctx
        finally:
            ctx.db.dispose()


def environment(ctx: Context) -> dict[str, str]:
    """What a process of its own needs to work on the same servers."""
    names = ("database_url", "ftp_url", "amqp_url", "secret_key", "callback_token")
    ours = {f"ULOS_{name.upper()}": getattr(ctx.settings, name).get_secret_value() for name in names}
    return os.environ | ours


@contextmanager
def serving(ctx: Context, app: str, *, core: int | None = None) -> Iterator[tuple[str, int]]:
    """`app` in one process of its own, on the processor `core` alone if given: its address and id."""
    port = _free_port(0)
    command = [sys.executable, "-m", "web", app, "--port", str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(ctx) | {"ULOS_LOG_LEVEL": "WARNING"}, stderr=subprocess.DEVNULL
    ) as running:
        if core is not None:
            os.sched_setaffinity(running.pid, {core})
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            yield url, running.pid
        finally:
            running.terminate()
            running.wait()


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            httpx.get(f"{url}/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)
