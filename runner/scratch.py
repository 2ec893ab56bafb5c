"""Temporary folders of the runner: its own, one for each stage, and how they are removed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "ulos-runner-"
_GRACE_SECONDS = 60.0
"""A folder that is younger may belong to a runner that has not locked it yet."""


class NoScratch(Exception):
    """No folder for temporary files can be written to; the text says what to do."""


def enter_scratch() -> Path:
    """Make a folder that only we may enter, use it for all temporary files, and work in it.

    Folders of runners that were killed are removed. A runner holds a lock on its own while it lives.

    Raises:
        NoScratch: there is no place for it.

    """
    tempfile.tempdir = None  # found again for the user that we are now
    try:
        place = Path(tempfile.gettempdir())
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    except OSError as error:
        raise NoScratch(
            f"The runner cannot write to a folder for temporary files ({error}): "
            "set TMPDIR to one that every user may write to, such as /var/tmp."
        ) from error
    fcntl.flock(_open(folder), fcntl.LOCK_EX)  # held by the descriptor, which stays open
    _remove_left_over(place, folder)
    tempfile.tempdir = str(folder)
    os.chdir(folder)
    return folder


@contextmanager
def stage_folder() -> Iterator[Path]:
    """Make a folder for one stage and remove it at the end, whatever the stage left in it."""
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove `folder`; also trees that are very deep or locked. Links are not followed."""
    removed = subprocess.run(["rm", "-rf", "--", folder], check=False, capture_output=True)
    if removed.returncode != 0:
        subprocess.run(["chmod", "-R", "u+rwX", "--", folder], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--", folder], check=False, capture_output=True)


def _remove_left_over(place: Path, own: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            if folder == own or found.st_uid != os.geteuid() or found.st_mtime > time.time() - _GRACE_SECONDS:
                continue
            descriptor = _open(folder)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(folder)
            finally:
                os.close(descriptor)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
