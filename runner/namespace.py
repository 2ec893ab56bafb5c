"""One program in bubblewrap's namespaces, from its start until no process of it is left.

The first process of a PID namespace takes all others with it: when it has ended, the kernel has
already ended every process of the namespace. So the end is to kill that one through a pidfd, which
cannot name another process, and to wait until it is gone. Bubblewrap's own `--die-with-parent` is
only a request to the kernel that the first process could take back.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
from pathlib import Path

_START_SECONDS = 30.0
_END_SECONDS = 60.0


class StillRunning(Exception):
    """Processes of a stage did not end although they were killed; its files must not be touched."""


class FirstProcess:
    """The first process of the PID namespace that the bubblewrap process `outer` has made.

    `status`: the reading end of the pipe given to bubblewrap as `--json-status-fd`. It is closed by `end`.
    """

    def __init__(self, outer: subprocess.Popen[bytes], status: int) -> None:
        self._outer = outer
        self._status = status  # kept open: bubblewrap writes the exit code to it as well
        self._pidfd: int | None = None
        self.pid = _read_pid(status)
        if self.pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            pidfd = os.pidfd_open(self.pid)
            if _parent_of(self.pid) == outer.pid:  # else it has ended and its number may be another's
                self._pidfd = pidfd
            else:
                os.close(pidfd)

    def end(self) -> None:
        """Kill everything and wait until it is gone.

        Raises:
            StillRunning: it is not gone after a minute.

        """
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            if not poll.poll(_END_SECONDS * 1000):
                raise StillRunning
            os.close(self._pidfd)
            self._pidfd = None
        end_group(self._outer)
        os.close(self._status)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group that `process` leads and wait for `process`."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait(_END_SECONDS)


def _read_pid(status: int) -> int | None:
    """Return the pid that bubblewrap reports before the program starts; None if it could not start."""
    received = b""
    while b"\n" not in received:
        if not select.select([status], [], [], _START_SECONDS)[0]:
            return None
        chunk = os.read(status, 4096)
        if not chunk:
            return None
        received += chunk
    return int(json.loads(received.split(b"\n")[0])["child-pid"])


def _parent_of(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("PPid:"))
