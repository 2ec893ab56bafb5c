"""Programs from Debian's packages, unpacked in a cache folder: nothing is installed, no service starts."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


class NotHere(Exception):
    """A program cannot be had or started on this machine; the text says why."""


@functools.cache
def unpacked(name: str, packages: tuple[str, ...]) -> Path:
    """The folder `name` where `packages` are unpacked, with the libraries that are missing here.

    Raises:
        NotHere: there is no apt, or it has no such package.

    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotHere(f"{name} comes from Debian's packages, and there is no apt here")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ulos-test-servers"
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / name
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _download(packages, root)
    return root


def _download(wanted: tuple[str, ...], root: Path) -> None:
    unfinished = root.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "packages").mkdir(parents=True)
    # What apt would install for this program alone: itself and the libraries that are missing.
    simulate = ["apt-get", "install", "-s", "--no-install-recommends", *wanted]
    try:
        plan = run(simulate)
    except NotHere:  # a fresh machine has no lists of packages yet
        run(["apt-get", "update", "-qq"])
        plan = run(simulate)
    packages = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    # An installed package is not in the plan; its files are needed here all the same.
    run(["apt-get", "download", *{*packages, *wanted}], cwd=unfinished / "packages")
    for package in (unfinished / "packages").glob("*.deb"):
        run(["dpkg-deb", "-x", str(package), str(unfinished)])
    shutil.rmtree(unfinished / "packages")
    unfinished.chmod(0o755)
    unfinished.rename(root)


def environment(root: Path) -> dict[str, str]:
    """The environment in which programs under `root` find their libraries."""
    folders = [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*"), root / "usr/lib"]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, folders)), "LC_ALL": "C"}


def run(command: Sequence[str | Path], root: Path | None = None, cwd: Path | None = None) -> str:
    """What `command` prints; with `root` it is one of the programs unpacked there.

    Raises:
        NotHere: it is not installed, or it failed.

    """
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            env=environment(root) if root else {**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout
    except FileNotFoundError as error:
        raise NotHere(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise NotHere(f"{command[0]} {command[1]}: {error.stderr.strip()[-300:]}") from error
