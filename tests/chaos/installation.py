"""The project's own processes, started and found the way people start them: `python -m core up`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.schedule import Target
from tests.e2e.browsing import members
from tests.ports import free_port

READY_WITHIN = 240.0
_COMMANDS = {
    Target.API: "api.app:app",
    Target.DASHBOARD: "dashboard.asgi:app",
    Target.WORKER: "-m core worker",
    Target.RUNNER: "-m runner",
    Target.POSTGRES: "postgres -D",
    Target.FTP: "-m core ftp",
}


class Installation:
    """`core up` on `folder` under further `settings`; it may be killed and started again."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.api_port = free_port()
        self.api = f"http://127.0.0.1:{self.api_port}"
        self.dashboard = f"http://127.0.0.1:{(dashboard_port := free_port())}"
        self._environment = (
            {name: value for name, value in os.environ.items() if not name.startswith("ULOS_")}
            | {
                "ULOS_API_PORT": str(self.api_port),
                "ULOS_DASHBOARD_PORT": str(dashboard_port),
                "ULOS_DATA_DIR": str(folder),
                "ULOS_LANGUAGE": "es",
            }
            | settings
        )
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()

    def start(self) -> None:
        """Start it; `wait_until_ready` says when people can sign in."""
        self._ready = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core", "up"],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, args=(self._process, self._ready), daemon=True).start()

    @staticmethod
    def _read(process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if line.startswith("ready: dashboard"):
                    ready.set()

    def wait_until_ready(self) -> None:
        """Wait until it has said that people can sign in."""
        assert self._ready.wait(READY_WITHIN), f"not ready within {READY_WITHIN} s, see {self.folder}/log"

    def pids(self, target: Target) -> list[int]:
        """Return the processes of `target` with all of their children, parents first."""
        found = []
        for pid, command in members(self.folder):
            if target is Target.EVERYTHING or _COMMANDS[target] in command:
                found.append(pid)
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += [child.pid for child in psutil.Process(pid).children(recursive=True)]
        return list(dict.fromkeys(found))

    def kill(self) -> None:
        """Kill every process at once, as a power cut does, and wait until all are gone."""
        send(self.pids(Target.EVERYTHING), signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._wait_until_gone()

    def stop(self) -> None:
        """End it as Ctrl-C does; what is left after that is an error."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
        self._wait_until_gone()

    def _wait_until_gone(self) -> None:
        deadline = time.monotonic() + 30
        while found := members(self.folder):
            assert time.monotonic() < deadline, f"left behind: {found}"
            time.sleep(0.1)

    @property
    def state(self) -> dict[str, Any]:
        """Return ports and secrets of the embedded components."""
        return dict(json.loads((self.folder / "embedded.json").read_text()))


def send(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to each of `pids` that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
