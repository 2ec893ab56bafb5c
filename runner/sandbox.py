"""Where a stage's command runs: bubblewrap around it, or resource limits alone for trusted graders."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.config import Settings
from runner.tail import Tail
from runner.watch import Limit, watch

NOBODY = 65534
MEMORY_BYTES = 1_000_000_000
FILE_BYTES = 200_000_000
PROCESSES = 64
OPEN_FILES = 256
SCRATCH_BYTES = 100_000_000
OUTPUT_BYTES = 1_000_000
"""Limits of one process of a stage; `runner.watch` has those of all together. `/tmp` is memory.

What is printed beyond `OUTPUT_BYTES` is cut off."""

_AT_MOST_PROCESSES = ("prlimit", f"--nproc={PROCESSES}:{PROCESSES}", "--")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: with a code, at a limit, or (None) because the work had to end."""

    end: int | Limit | None
    output: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs commands; `bwrap` is None where there is no bubblewrap."""

    bwrap: str | None

    def run(
        self, command: str, *, work: Path, image: Path, timeout_seconds: float, language: str,
        keep_going: Callable[[], bool], say: Callable[[str], None],
    ) -> Outcome:  # fmt: skip
        """Run `command` in `work` with `image` at /image (read-only), in at most `timeout_seconds`.

        It is ended early when `keep_going` says no; whatever it started ends with it. `say` gets
        the first lines that it prints, as it prints them.
        """
        inner = command if self.bwrap else command.replace("/image/", f"{image}/")
        full = [*self._wrap(work, image, language), "/bin/sh", "-c", inner]
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "ULOS_LANGUAGE": language, "HOME": "/tmp"}  # noqa: S108  inside, its own
        with tempfile.TemporaryFile() as out:
            process = subprocess.Popen(
                full,
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: _limit(timeout_seconds, wrapped=self.bwrap is not None),  # noqa: PLW1509  system calls only
            )
            with Tail(out.fileno(), say):
                end = watch(process, work, timeout_seconds, keep_going)
            out.seek(0)
            text = out.read(OUTPUT_BYTES).decode("utf-8", errors="replace")
        return Outcome(end, text)

    def _wrap(self, work: Path, image: Path, language: str) -> list[str]:
        if self.bwrap is None:
            return []
        wrapped = [self.bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
        for folder in ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"):
            if Path(folder).exists():
                wrapped += ["--ro-bind", folder, folder]
        wrapped += ["--proc", "/proc", "--dev", "/dev"]
        wrapped += ["--size", str(SCRATCH_BYTES), "--tmpfs", "/tmp"]  # noqa: S108  inside, its own
        wrapped += ["--ro-bind", str(image), "/image", "--bind", str(work), "/work", "--chdir", "/work"]
        for name, value in (("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("HOME", "/tmp")):  # noqa: S108
            wrapped += ["--setenv", name, value]
        # Counted inside, where nobody else's processes are: set outside, one submission's fork bomb
        # would take the processes of every other.
        return [*wrapped, "--setenv", "ULOS_LANGUAGE", language, "--", *_AT_MOST_PROCESSES]


def _limit(seconds: float, *, wrapped: bool) -> None:
    """Limits that are inherited by all that follows; as root, become nobody first."""
    count_processes = os.geteuid() == 0 and not wrapped
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CPU, int(seconds) + 5),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    if count_processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))


def find_sandbox(settings: Settings) -> Sandbox:
    """The best sandbox of this machine, tried out by running `true` in it."""
    if settings.runner_sandbox == "off":
        return Sandbox(None)
    for program in (shutil.which("bwrap"), str(_unpacked(settings))):
        if program and Path(program).exists() and _works(program):
            return Sandbox(program)
    return Sandbox(None)


def _works(program: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        work, image = Path(folder) / "work", Path(folder) / "image"
        work.mkdir()
        image.mkdir()
        outcome = Sandbox(program).run(
            "true",
            work=work,
            image=image,
            timeout_seconds=10,
            language="en",
            keep_going=lambda: True,
            say=lambda _: None,
        )
        return outcome.end == 0


def _unpacked(settings: Settings) -> Path:
    return (settings.data_dir / "tools" / "usr" / "bin" / "bwrap").resolve()


def install(settings: Settings) -> str:
    """Get bubblewrap from Debian's packages, unpacked under `data_dir`; a sentence on what came of it."""
    if find_sandbox(settings).bwrap:
        return "sandbox: bubblewrap"
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        tools = settings.data_dir / "tools"
        tools.mkdir(parents=True, exist_ok=True)
        for attempt in range(2):
            if attempt and os.geteuid() == 0:
                subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
            got = subprocess.run(
                ["apt-get", "download", "-q", "bubblewrap"], cwd=tools, check=False, capture_output=True
            )
            if got.returncode == 0:
                break
        for package in tools.glob("bubblewrap*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(tools)], check=True)
            package.unlink()
        if find_sandbox(settings).bwrap:
            return "sandbox: bubblewrap, unpacked for this installation"
    return (
        "sandbox: none. Stages that run student code are refused; install bubblewrap "
        "(apt-get install bubblewrap) and start again."
    )


if __name__ == "__main__":
    print(install(Settings()) if sys.argv[1:] == ["install"] else find_sandbox(Settings()))  # noqa: T201
