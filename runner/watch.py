"""Keeps an eye on a running stage: the time, memory, disk and output of all its processes together.

Resource limits hold for each process on its own; sixty-four of them at their limit would still take
the machine.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from core.archive import DEFAULTS
from runner.output import Output

MEMORY_BYTES = 1_800_000_000
"""Of all processes of one stage together; with `/tmp` and `/dev/shm`, 2 GB."""

SPARE_BYTES = 100_000_000
"""With less than this free, the disk under the working folder counts as full."""

_WAKE_SECONDS = 0.05
_LOOK_SECONDS = 0.2
_LOOK_AT_FILES_SECONDS = 0.5
_IN_MEMORY = ("tmp", "dev/shm")


class Limit(StrEnum):
    """What a stage had used up when it was stopped."""

    TIME = "time"
    MEMORY = "memory"
    DISK = "disk"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Watched:
    """A running stage: the process that was started, its working folder and its output.

    `first`: the first process inside the sandbox, None without a sandbox.
    """

    process: subprocess.Popen[bytes]
    work: Path
    output: Output
    first: int | None


def watch(watched: Watched, timeout_seconds: float, keep_going: Callable[[], bool]) -> int | Limit | None:
    """Wait for the process; return its code, or the limit that it has reached.

    None when `keep_going` said no. Ending what still runs is left to the caller.
    """
    deadline = time.monotonic() + timeout_seconds
    look = time.monotonic() + _LOOK_SECONDS
    look_at_files = time.monotonic() + _LOOK_AT_FILES_SECONDS
    while keep_going():
        with contextlib.suppress(subprocess.TimeoutExpired):
            return watched.process.wait(_WAKE_SECONDS)
        now = time.monotonic()
        if now > deadline:
            return Limit.TIME
        if watched.output.is_too_much:
            return Limit.OUTPUT
        if now > look:
            look = now + _LOOK_SECONDS
            if _is_too_much_memory(watched.process.pid):
                return Limit.MEMORY
        if now > look_at_files:
            look_at_files = now + _LOOK_AT_FILES_SECONDS
            if _is_too_much_disk(watched):
                return Limit.DISK
    return None


def is_disk_full(folder: Path) -> bool:
    """Whether the disk under `folder` has no room left to work with."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize < SPARE_BYTES


def _is_too_much_memory(pid: int) -> bool:
    """Whether `pid` and its descendants hold too much; what they share is counted once."""
    family = _family(pid)
    if sum(_ask(member, lambda process: process.memory_info().rss) for member in family) <= MEMORY_BYTES:
        return False  # the quick way: shared pages are counted several times here
    return sum(_ask(member, _proportional) for member in family) > MEMORY_BYTES


def _proportional(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)


def _ask(process: psutil.Process, question: Callable[[psutil.Process], int]) -> int:
    try:
        return question(process)
    except psutil.Error:
        return 0


def _family(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _is_too_much_disk(watched: Watched) -> bool:
    """Whether the stage has written more than could be packed, or fills the disk or memory with files."""
    if is_disk_full(watched.work):
        return True
    found = FolderSize.measure(watched.work)
    if found.is_too_much:
        return True
    held = sum(_deleted_but_open(watched.process.pid, watched.work.stat().st_dev))
    return found.size + held > DEFAULTS.unpacked_bytes or _files_in_memory(watched.first) > DEFAULTS.entries


def _deleted_but_open(pid: int, device: int) -> Iterator[int]:
    """Sizes of the files that no folder names any more but that a process still holds."""
    seen: set[int] = set()
    for member in _family(pid):
        with contextlib.suppress(OSError), os.scandir(f"/proc/{member.pid}/fd") as descriptors:
            for descriptor in descriptors:
                with contextlib.suppress(OSError):
                    found = os.stat(descriptor.path)  # noqa: PTH116  as `scandir` gives it
                    is_deleted = stat.S_ISREG(found.st_mode) and found.st_nlink == 0
                    if is_deleted and found.st_dev == device and found.st_ino not in seen:
                        seen.add(found.st_ino)
                        yield found.st_blocks * 512


def _files_in_memory(first: int | None) -> int:
    """Files in `/tmp` and `/dev/shm` of the sandbox: their number, unlike their size, has no limit."""
    count = 0
    for folder in _IN_MEMORY if first is not None else ():
        with contextlib.suppress(OSError):
            found = os.statvfs(f"/proc/{first}/root/{folder}")
            count += found.f_files - found.f_ffree
    return count


@dataclass(slots=True)
class FolderSize:
    """What lies below a folder that may change meanwhile."""

    size: int = 0
    count: int = 0
    is_too_deep: bool = False

    @property
    def is_too_much(self) -> bool:
        """Whether it could not be packed."""
        return self.is_too_deep or self.size > DEFAULTS.unpacked_bytes or self.count > DEFAULTS.entries

    @classmethod
    def measure(cls, folder: Path) -> FolderSize:
        """Count what lies below `folder`, as far as it takes to know whether it is too much.

        No link is followed, not even one that takes the place of a folder at this moment: every
        folder is opened inside the one before it.
        """
        found = cls()
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        found._add(descriptor, 0)
        return found

    def _add(self, descriptor: int, level: int) -> None:
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    self.count += 1
                    if self.is_too_much:
                        return
                    with contextlib.suppress(OSError):  # removed or locked meanwhile
                        self._add_entry(entry, descriptor, level)
        finally:
            os.close(descriptor)

    def _add_entry(self, entry: os.DirEntry[str], descriptor: int, level: int) -> None:
        if entry.is_dir(follow_symlinks=False):
            if level == DEFAULTS.levels:
                self.is_too_deep = True
                return
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            self._add(os.open(entry.name, flags, dir_fd=descriptor), level + 1)
        else:
            found = entry.stat(follow_symlinks=False)
            self.size += max(found.st_size, found.st_blocks * 512)
