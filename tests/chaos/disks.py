"""A small file system in memory that can be filled to the last byte."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

_BALLAST = "ballast"
_BLOCK = b"\0" * 65_536
_AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]


class Disk:
    """A tmpfs at `folder`, which needs root or sudo; `unmount` it when nothing uses it any more."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        options = f"size={megabytes}m,mode=0755,uid={os.geteuid()},gid={os.getegid()}"
        command = [*_AS_ROOT, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        subprocess.run(command, check=True, capture_output=True)

    def fill(self) -> None:
        """Leave no free byte."""
        with (self.folder / _BALLAST).open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(_BLOCK)

    def free(self) -> None:
        """Take back what `fill` took."""
        (self.folder / _BALLAST).unlink(missing_ok=True)

    def unmount(self) -> None:
        """Remove it with all that it holds; lazily, if a process is still ending."""
        subprocess.run([*_AS_ROOT, "umount", "-l", self.folder], check=False)


def can_mount(folder: Path) -> bool:
    """Return whether this user may mount a file system."""
    try:
        Disk(folder, 1).unmount()
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
