"""Keeps an eye on a running stage: the time, memory and disk of all its processes together.

Resource limits hold for each process on its own; sixty-four of them at their limit would still take
the machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import psutil

from core.archive import DEFAULTS

MEMORY_BYTES = 2_000_000_000
"""Of all processes of one stage together."""

_WAKE_SECONDS = 0.1
_LOOK_SECONDS = 0.5


class Limit(StrEnum):
    """What a stage had used up when it was stopped."""

    TIME = "time"
    MEMORY = "memory"
    DISK = "disk"


def watch(
    process: subprocess.Popen[bytes], work: Path, timeout_seconds: float, keep_going: Callable[[], bool]
) -> int | Limit | None:
    """Wait for `process` and end all that it started; its code, or the limit that stopped it.

    None when `keep_going` said no.
    """
    deadline = time.monotonic() + timeout_seconds
    look = time.monotonic() + _LOOK_SECONDS
    try:
        while keep_going():
            try:
                return process.wait(_WAKE_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            now = time.monotonic()
            if now > deadline:
                return Limit.TIME
            if now > look:
                look = now + _LOOK_SECONDS
                if _memory_of(process.pid) > MEMORY_BYTES:
                    return Limit.MEMORY
                if _is_too_much(work):  # it could not be packed
                    return Limit.DISK
        return None
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.poll()
        process.wait()


def _memory_of(pid: int) -> int:
    """Bytes that `pid` and its descendants hold; what they share is counted once."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for member in family:
        try:
            total += member.memory_full_info().pss
        except psutil.AccessDenied:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _is_too_much(folder: Path) -> bool:
    size = count = 0
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
                    if size > DEFAULTS.unpacked_bytes or count > DEFAULTS.entries:
                        return True
        except (FileNotFoundError, PermissionError):
            continue  # the stage removes its files, or locks a folder, while it is looked at
    return False
