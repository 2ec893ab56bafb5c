"""Unpacking the image of a stage (a tar), by rules of our own.

The filters of `tarfile` are not relied on: before Python 3.11.13, 3.12.11 and 3.13.4 they could be
made to write outside of the folder (CVE-2025-4517).
"""

from __future__ import annotations

import contextlib
import errno
import os
import tarfile
from pathlib import Path
from typing import IO

from core.archive.limits import Budget, Limits, bomb
from core.archive.names import parts_of, shown
from core.errors import UnsafeEntry

LIMITS = Limits(entries=100_000, unpacked_bytes=4_000_000_000)
"""An image brings programs and their libraries; a Node.js project has some 40,000 files."""

_CHUNK = 1 << 18
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NOT_POSSIBLE = {
    errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.ELOOP, errno.EPERM, errno.ENAMETOOLONG,
}  # fmt: skip
"""What a name twice, a link in place of a folder, or a link to nothing gives."""

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def unpack_image(file: IO[bytes], folder: Path, *, limits: Limits = LIMITS) -> None:
    """Unpack the tar in `file`, compressed or not, into `folder`, which is empty.

    Files, folders, and links that stay inside are unpacked; modes are plain (0755, 0644). Every
    folder is opened inside the one before it and no link is followed, so nothing is ever written
    outside. After an error `folder` is half full.

    Raises:
        UnsafeEntry: an absolute path, `..`, a link that leads outside, a device, or a name twice.
        ArchiveBomb: more than `limits` allow.
        tarfile.TarError: it is no tar, or damaged.

    """
    budget = Budget(limits)
    top = os.open(folder, _FOLDER)
    try:
        with tarfile.open(fileobj=file, mode="r:*") as archive:
            for number, member in enumerate(archive, 1):
                if number > limits.entries:
                    raise bomb(limits)
                _unpack_member(archive, member, top, budget)
    finally:
        os.close(top)


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, top: int, budget: Budget) -> None:
    parts = parts_of(member.name)
    if member.name.startswith("/") or ".." in parts or "\0" in member.name:
        raise UnsafeEntry(entry=shown(member.name))
    if not parts:
        return  # the folder itself
    try:
        parent = _open_folder(top, parts[:-1])
        try:
            if member.isdir():
                os.close(_open_folder(parent, parts[-1:]))
            elif member.isreg():
                _write(archive, member, parent, parts[-1], budget)
            elif member.issym() and _stays_inside(member.linkname, len(parts) - 1):
                os.symlink(member.linkname, parts[-1], dir_fd=parent)
            elif member.islnk():
                _link(member, top, parent, parts[-1])
            else:
                raise UnsafeEntry(entry=shown(member.name))
        finally:
            os.close(parent)
    except OSError as error:
        if error.errno in _NOT_POSSIBLE:
            raise UnsafeEntry(entry=shown(member.name)) from error
        raise


def _open_folder(start: int, parts: tuple[str, ...]) -> int:
    """Open the folder `parts` below `start`, creating what is missing; a descriptor to close."""
    current = os.dup(start)
    for part in parts:
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=current)
            following = os.open(part, _FOLDER, dir_fd=current)
        finally:
            os.close(current)
        current = following
    return current


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, parent: int, name: str, budget: Budget) -> None:
    mode = 0o755 if member.mode & 0o111 else 0o644
    content = archive.extractfile(member)
    with os.fdopen(os.open(name, _NEW_FILE, mode, dir_fd=parent), "wb") as target:
        while content is not None and (chunk := content.read(_CHUNK)):
            budget.spend_bytes(len(chunk))
            target.write(chunk)


def _stays_inside(target: str, depth: int) -> bool:
    """Whether a link in a folder `depth` levels down leads to something inside.

    `..` counts at the beginning only: after the name of another link it would lead elsewhere.
    """
    if not target or target.startswith("/"):
        return False
    parts = parts_of(target)
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    return up <= depth and ".." not in parts[up:]


def _link(member: tarfile.TarInfo, top: int, parent: int, name: str) -> None:
    """Create a hard link to a plain file that was unpacked before."""
    parts = parts_of(member.linkname)
    if member.linkname.startswith("/") or ".." in parts or not parts:
        raise UnsafeEntry(entry=shown(member.name))
    source = _open_folder(top, parts[:-1])
    try:
        os.link(parts[-1], name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
    finally:
        os.close(source)
