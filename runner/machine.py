"""What this machine offers for a sandbox: tried out at start, not guessed."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from core.config import Settings
from runner import archives
from runner.sandbox import Bound, Sandbox
from runner.seccomp import NoSeccomp, build_filter

_SAFE_FILTER = {(3, 11): 13, (3, 12): 11, (3, 13): 4}
"""First patch release of each Python whose `tarfile` filters cannot be escaped (CVE-2025-4517)."""

logger = logging.getLogger(__name__)


def install_bwrap(settings: Settings) -> None:
    """Get bubblewrap from Debian's packages, unpacked under `data_dir`, where there is none yet."""
    if shutil.which("bwrap") or _unpacked(settings).exists() or settings.runner_sandbox == "off":
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return
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
        subprocess.run(["dpkg-deb", "-x", str(package), str(tools)], check=False, capture_output=True)
        package.unlink()


def read_bwrap(settings: Settings) -> bytes | None:
    """Return the program that was unpacked under `data_dir`, which the runner's user may not enter.

    To be called while every folder can be entered; None where it is not needed or not there.
    """
    if settings.runner_sandbox == "off" or shutil.which("bwrap"):
        return None
    try:
        return _unpacked(settings).read_bytes()
    except OSError:
        return None


def find_sandbox(settings: Settings, program: bytes | None) -> tuple[Sandbox, list[str]]:
    """Return the best sandbox that works here, tried out, and a sentence for each thing that it lacks.

    `program`: what `read_bwrap` returned. A copy of it is used.
    """
    problems: list[str] = []
    if settings.runner_sandbox == "off":
        return _with_python(Sandbox(None), problems), ["ULOS_RUNNER_SANDBOX is off"]
    bwrap = shutil.which("bwrap") or (_copy(program) if program else None)
    if bwrap is None:
        problems.append("bubblewrap is missing (apt-get install bubblewrap)")
        return _with_python(Sandbox(None), problems), problems
    try:
        seccomp = build_filter()
    except (NoSeccomp, OSError) as error:
        seccomp = None
        problems.append(f"seccomp: {error}")
    found = Sandbox(bwrap, seccomp=seccomp)
    lacks = [] if seccomp else ["seccomp"]
    if not _works(found) and _works(replace(found, disable_userns=False)):
        found = replace(found, disable_userns=False)
        lacks.append("disable-userns")
        problems.append("disable-userns: bubblewrap 0.8 or newer and a kernel that allows it are needed")
    elif not _works(found):
        problems.append(f"bubblewrap does not work: {_why_not(found)}")
        return _with_python(Sandbox(None), problems), problems
    missing = tuple(name for name in lacks if name not in settings.runner_allow_without)
    return _with_python(replace(found, lacks=missing), problems), problems


def describe(sandbox: Sandbox, problems: list[str]) -> str:
    """Return one sentence for the administrator about what the runner can do here."""
    why = f" ({'; '.join(problems)})" if problems else ""
    if sandbox.python is None:
        return f"runner: it can run nothing, since no Python can be started by its user{why}."
    if sandbox.bwrap is None:
        return f"runner: no sandbox, so stages that run student code are refused{why}."
    if sandbox.lacks:
        names = ",".join(sandbox.lacks)
        return (
            f"runner: the sandbox is incomplete, so stages that run student code are refused{why}; "
            f"ULOS_RUNNER_ALLOW_WITHOUT={names} accepts the risk."
        )
    return f"runner: sandbox ready{why}."


def describe_python() -> str | None:
    """Return a note if the tar filters of this Python are unsafe; the runner does not use them."""
    safe = _SAFE_FILTER.get(sys.version_info[:2])
    if safe is None or sys.version_info[2] >= safe:
        return None
    version = ".".join(map(str, sys.version_info[:3]))
    return (
        f"Python {version} has the unsafe tar filter of CVE-2025-4517 (fixed in 3.11.13, 3.12.11, 3.13.4). "
        "Stage images are unpacked by code that does not use it; an update is still advisable."
    )


def _with_python(sandbox: Sandbox, problems: list[str]) -> Sandbox:
    """Add the first interpreter that can work on archives inside the sandbox."""
    own = os.path.realpath(sys.executable)
    for python in dict.fromkeys((own, "/usr/bin/python3", "/usr/local/bin/python3")):
        tried = replace(sandbox, python=python)
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as target:
            try:
                archives.pack(tried, Path(folder), ("try", ""), target)
            except (archives.MachineFailed, archives.ArchiveRefused, OSError) as error:
                logger.debug("%s cannot be used: %s", python, error)
            else:
                return tried
    problems.append("no Python 3.11 or newer can be started by the runner's user: install python3 under /usr")
    return sandbox


def _copy(program: bytes) -> str:
    """Write bubblewrap where it can be started: into the folder for temporary files."""
    path = Path(tempfile.mkdtemp()) / "bwrap"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o500), "wb") as file:
        file.write(program)
    return str(path)


def _works(sandbox: Sandbox) -> bool:
    return _why_not(sandbox) is None


def _why_not(sandbox: Sandbox) -> str | None:
    """What bubblewrap says when it cannot run `true`; None if it can."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        try:
            process, first = sandbox.start(
                ["true"],
                bound=[Bound(Path(folder), "/work")],
                folder=Path(folder),
                seconds=10,
                stdin=subprocess.DEVNULL,
                stdout=said.fileno(),
            )
        except OSError as error:
            return str(error)
        code = process.wait(30)
        if first:
            first.end()
        said.seek(0)
        return None if code == 0 else said.read(300).decode(errors="replace").strip() or f"code {code}"


def _unpacked(settings: Settings) -> Path:
    return (settings.data_dir / "tools" / "usr" / "bin" / "bwrap").resolve()
