"""The two HTTP servers as `make up` starts them, each a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.config import Settings
from tests.ports import free_port

API, DASHBOARD = "api.app:app", "dashboard.asgi:app"
READY_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running server and where its log lines go."""

    port: int
    pid: int
    log: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 30)

    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def serving(app: str, settings: Settings, log: Path, **more: str) -> Iterator[Server]:
    """`python -m web APP` with `settings`, until the block ends."""
    port = free_port()
    environment = {
        **os.environ,
        "ULOS_DATABASE_URL": settings.database_url.get_secret_value(),
        "ULOS_FTP_URL": settings.ftp_url.get_secret_value(),
        "ULOS_SECRET_KEY": settings.secret_key.get_secret_value(),
        "ULOS_CALLBACK_TOKEN": settings.callback_token.get_secret_value(),
        "ULOS_DATA_DIR": str(settings.data_dir),
        **more,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "web", app, "--port", str(port)],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_it_listens(process, port, log)
        yield Server(port, process.pid, log)
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def read_answer(line: socket.socket) -> tuple[int, dict[str, str]]:
    """Status and headers (lower-case names) of the answer on `line`; (0, {}) if it ends without one."""
    received = b""
    with suppress(ConnectionError):
        while b"\r\n\r\n" not in received and (piece := line.recv(65_536)):
            received += piece
    head, _, _ = received.partition(b"\r\n\r\n")
    if not head:
        return 0, {}
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = (entry.split(": ", 1) for entry in rest)
    return int(first.split()[1]), {name.lower(): value for name, value in pairs}


def ask(server: Server, request: bytes) -> tuple[int, dict[str, str]]:
    """What the server answers to the bytes of one request."""
    with server.connect() as line:
        line.sendall(request)
        return read_answer(line)
