"""vsftpd and the stand-in nodes as servers that can be killed and started again on the same files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import psutil

from core.embedded.parent import end_with_parent
from tests import ftp_servers
from tests.packages import environment, unpacked
from tests.ports import free_port
from tests.standin_node import Plan

_ROOT = Path(__file__).resolve().parents[2]


class Vsftpd:
    """vsftpd on one port and one folder."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="ulos-ftp-")
        self.folder = Path(self._temporary.name)
        self.folder.chmod(0o755)  # the server works as another user
        self.port = free_port()
        self._root = unpacked("vsftpd", ftp_servers.PACKAGES["vsftpd"])
        self._setup = ftp_servers._vsftpd(self._root, self.folder, self.port, None)
        self.files = self._setup.files
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, port: int | None = None) -> str:
        """Return the address of the folder that holds the project's files, at `port` of this machine."""
        user, password = self._setup.user, ftp_servers.PASSWORD
        return f"ftp://{user}:{password}@127.0.0.1:{port or self.port}{self._setup.base}/ulos"

    def start(self) -> None:
        """Start it and wait for its greeting."""
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._setup.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment(self._root),
                start_new_session=True,
                preexec_fn=partial(end_with_parent, signal.SIGKILL),  # noqa: PLW1509  one system call
            )
        ftp_servers._wait_for_greeting(self._process, log, self.port)

    def pids(self) -> list[int]:
        """Return the server and the process of each session."""
        return _family(self._process)

    def kill(self) -> None:
        """Kill it with every session."""
        _kill(self._process, self.pids())
        self._process = None

    def close(self) -> None:
        """Kill it and remove its files."""
        self.kill()
        self._temporary.cleanup()


class Node:
    """A stand-in node. Each start is another life, whose delivery tags begin anew."""

    def __init__(self, plan: Plan) -> None:
        self.ledger = Path(plan.ledger)
        self._plan = plan
        self._lives = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it under a seed of its own."""
        self._lives += 1
        plan = replace(self._plan, seed=self._plan.seed + 2 * self._lives)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.standin_node", json.dumps(asdict(plan))],
            cwd=_ROOT,
            preexec_fn=partial(end_with_parent, signal.SIGKILL),  # noqa: PLW1509  one system call
        )

    def pids(self) -> list[int]:
        """Return its process."""
        return _family(self._process)

    def kill(self) -> None:
        """Kill it."""
        _kill(self._process, self.pids())
        self._process = None


def _family(process: subprocess.Popen[bytes] | None) -> list[int]:
    if process is None or process.poll() is not None:
        return []
    try:
        return [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _kill(process: subprocess.Popen[bytes] | None, pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if process is not None:
        process.wait()
