"""Where a stage's command runs: bubblewrap around it, or resource limits alone for trusted graders.

docs/decisions/0004-sandbox.md tells what each part protects from.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.config import Language
from runner.namespace import FirstProcess, end_group
from runner.output import Output
from runner.tail import Tail
from runner.watch import Limit, Watched, watch

MEMORY_BYTES = 1_000_000_000
FILE_BYTES = 200_000_000
PROCESSES = 64
OPEN_FILES = 256
SCRATCH_BYTES = 100_000_000
"""Limits of one process of a stage, and of `/tmp` and `/dev/shm`, which are memory.

`runner.watch` has the limits of all processes together.
"""

_SHOWN = ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
_FIRST_OUT = ("choom", "-n", "1000", "--")
_PATH = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp"}  # noqa: S108  inside, its own


class MayNotBeRoot(Exception):
    """Programs of a submission are never started by root, however they are confined."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: with a code, at a limit, or (None) because the work had to end."""

    end: int | Limit | None
    output: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A folder or file of this machine that is visible inside at `inside`."""

    path: Path
    inside: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs commands; `bwrap` is None where there is no bubblewrap."""

    bwrap: str | None
    seccomp: bytes | None = field(default=None, repr=False)
    """The compiled filter of system calls; None where it cannot be had and an administrator allowed that."""
    disable_userns: bool = True
    """Whether programs inside are kept from making user namespaces of their own."""
    python: str | None = None
    """The interpreter that reads archives inside the sandbox."""
    lacks: tuple[str, ...] = ()
    """Protections that this machine cannot give and that the administrator has not allowed to lack."""

    @property
    def runs_student_code(self) -> bool:
        """Whether every protection is there, or its absence is allowed."""
        return self.bwrap is not None and not self.lacks

    def run(
        self, command: str, *, work: Path, image: Path, timeout_seconds: float, language: Language,
        keep_going: Callable[[], bool], say: Callable[[str], None],
    ) -> Outcome:  # fmt: skip
        """Run `command` in `work` with `image` at /image (read-only), in at most `timeout_seconds`.

        It is ended early when `keep_going` says no. When this returns, every process that it started
        is gone. `say` gets the first lines that it prints, as it prints them.

        Raises:
            StillRunning: something of it could not be ended.

        """
        inner = command if self.bwrap else command.replace("/image/", f"{image}/")
        bound = [Bound(image, "/image"), Bound(work, "/work", writable=True)]
        reading, writing = os.pipe()
        try:
            process, first = self.start(
                ["/bin/sh", "-c", inner],
                bound=bound,
                folder=work,
                seconds=timeout_seconds,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                environment={"ULOS_LANGUAGE": language},
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        output = Output(reading)
        try:
            with Tail(output, say):
                watched = Watched(process, work, output, first.pid if first else None)
                end = watch(watched, timeout_seconds, keep_going)
        finally:
            first.end() if first else end_group(process)
        return Outcome(end, output.text(language))

    def start(
        self, command: list[str], *, bound: list[Bound], folder: Path, seconds: float,
        stdin: int, stdout: int, stderr: int = subprocess.STDOUT, environment: dict[str, str] | None = None,
        file_bytes: int = FILE_BYTES,
    ) -> tuple[subprocess.Popen[bytes], FirstProcess | None]:  # fmt: skip
        """Start `command` with the last of `bound` as its working folder; its process and what ends it.

        `folder`: the working folder where there is no sandbox.
        """
        if os.geteuid() == 0:
            raise MayNotBeRoot
        values = _PATH | (environment or {})
        status = os.pipe() if self.bwrap else None
        filter_fd = self._filter_fd()
        passed = [fd for fd in (status and status[1], filter_fd) if fd is not None]
        wrapped = self._wrap(bound, values, status and status[1], filter_fd)
        try:
            process = subprocess.Popen(
                [*wrapped, *command],
                cwd=folder,
                env=values,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                pass_fds=passed,
                preexec_fn=lambda: _limit(seconds, file_bytes),  # noqa: PLW1509  system calls only
            )
        finally:
            for descriptor in (status and status[1], filter_fd):
                if descriptor is not None:
                    os.close(descriptor)
        return process, FirstProcess(process, status[0]) if status else None

    def _wrap(
        self, bound: list[Bound], values: dict[str, str], status: int | None, filter_fd: int | None
    ) -> list[str]:
        if self.bwrap is None:
            return []
        wrapped = [self.bwrap, "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net"]
        wrapped += ["--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox", "--new-session"]
        wrapped += ["--die-with-parent", "--json-status-fd", str(status), "--clearenv"]
        wrapped += ["--disable-userns"] if self.disable_userns else []
        for path in _SHOWN:
            if Path(path).exists():
                wrapped += ["--ro-bind", path, path]
        if self.python and not self.python.startswith("/usr/"):
            home = str(Path(self.python).parent.parent)
            wrapped += ["--ro-bind", home, home]
        size = ["--size", str(SCRATCH_BYTES), "--tmpfs"]
        wrapped += ["--proc", "/proc", "--dev", "/dev", *size, "/dev/shm", "--remount-ro", "/dev"]  # noqa: S108  inside
        wrapped += [*size, "/tmp"]  # noqa: S108  inside, its own
        for item in bound:
            wrapped += ["--bind" if item.writable else "--ro-bind", str(item.path), item.inside]
        wrapped += ["--chdir", bound[-1].inside, "--remount-ro", "/"]
        for name, value in values.items():
            wrapped += ["--setenv", name, value]
        if filter_fd is not None:
            wrapped += ["--seccomp", str(filter_fd)]
        # Counted inside, where there are no processes of others: set outside, one submission's fork
        # bomb would take the processes of every other. Short of memory, the kernel ends a stage first.
        return [
            *wrapped,
            "--",
            "choom",
            "-n",
            "1000",
            "--",
            "prlimit",
            f"--nproc={PROCESSES}:{PROCESSES}",
            "--",
        ]

    def _filter_fd(self) -> int | None:
        if self.bwrap is None or self.seccomp is None:
            return None
        descriptor = os.memfd_create("seccomp")
        os.write(descriptor, self.seccomp)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor


def _limit(seconds: float, file_bytes: int) -> None:
    """Set the limits that everything which follows inherits."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CPU, int(seconds) + 5),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (most, most))
