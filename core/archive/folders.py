"""From an archive to a folder and back, for the local runner."""

from __future__ import annotations

import os
import stat
import time
import zipfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import IO

from core.archive.checks import check_entry, check_sizes
from core.archive.limits import DEFAULTS, Budget, Limits, bomb
from core.archive.names import is_ignored, parts_of, shown
from core.archive.reader import CHUNK, Entry, read_content, read_entries
from core.errors import EntriesClash

_FOLDER_MODE, _FILE_MODE = 0o755, 0o644
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_ZIP_EPOCH = 315_532_800
"""1980-01-01, the earliest time that a zip can hold."""


def unpack(file: IO[bytes], folder: Path, *, limits: Limits = DEFAULTS) -> None:
    """Unpack the archive in `file` (seekable) into `folder`, which is made, or is empty.

    Safe by construction: names are checked, every file is new and no link is followed; modes are
    plain (0755, 0644). What systems leave behind (`leftovers.py`) is not unpacked, what
    a stage has written (`results/`, `output_*.txt`) is. After an error `folder` is half full.

    Raises:
        BadArchive: one of its subclasses, as `inspect`, but for names that differ in case only.

    """
    entries = [entry for entry in read_entries(file, limits) if not is_ignored(entry.name)]
    for entry in entries:
        check_entry(entry, limits)
    check_sizes(file, entries, limits)
    folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    budget = Budget(limits)
    for entry in entries:
        path = folder.joinpath(*parts_of(entry.name))
        try:
            if entry.is_folder:
                path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            else:
                path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
                _write_file(file, entry, path, budget)
        except (FileExistsError, NotADirectoryError) as error:
            raise EntriesClash(entry=shown(entry.name), other=shown(entry.name)) from error


def _write_file(file: IO[bytes], entry: Entry, path: Path, budget: Budget) -> None:
    with os.fdopen(os.open(path, _NEW_FILE, _FILE_MODE), "wb") as target:
        for chunk in read_content(file, entry):
            budget.spend_bytes(len(chunk))
            target.write(chunk)


def pack(
    folder: Path | None,
    target: IO[bytes],
    *,
    extra: Mapping[str, bytes] = MappingProxyType({}),
    limits: Limits = DEFAULTS,
) -> None:
    """Write everything in `folder` to `target` as a zip, in the order of names.

    Only plain files and folders go in: a program of a student may have left links to files of
    others, or pipes that never end. `extra`, name → content, goes to the top in place of files of
    those names. Folders are opened inside one another, and no link is followed.

    Raises:
        ArchiveBomb: it holds more than `limits` allow.

    """
    packing = _Packing(zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED), limits, set(extra))
    with packing.archive:
        for name, content in extra.items():
            packing.archive.writestr(name, content)
        if folder is not None:
            packing.add_folder(os.open(folder, _FOLDER), "")


class _Packing:
    """An archive that is being written, and what may still go into it."""

    def __init__(self, archive: zipfile.ZipFile, limits: Limits, taken: set[str]) -> None:
        self.archive = archive
        self._limits = limits
        self._budget = Budget(limits)
        self._entries = 0
        self._taken = taken

    def add_folder(self, descriptor: int, prefix: str) -> None:
        """Add what is in the open folder `descriptor`, which is closed. `prefix`: its name, or nothing.

        At most one name more than may go in is held in memory, since all of one folder are sorted.
        """
        try:
            with os.scandir(descriptor) as found:
                items = sorted(islice(found, self._limits.entries + 1), key=lambda item: item.name)
            for item in items:
                name = self._free_name(prefix + _plain_name(item.name))
                if item.is_dir(follow_symlinks=False):
                    self._count(name)
                    self.archive.mkdir(name, mode=_FOLDER_MODE)
                    self.add_folder(_open(item.name, _FOLDER, 0o700, descriptor), f"{name}/")
                elif item.is_file(follow_symlinks=False):
                    self._count(name)
                    self._add_file(_open(item.name, _READ, 0o600, descriptor), name)
        finally:
            os.close(descriptor)

    def _count(self, name: str) -> None:
        self._entries += 1
        if self._entries > self._limits.entries or len(parts_of(name)) > self._limits.levels:
            raise bomb(self._limits)

    def _free_name(self, name: str) -> str:
        """Return `name`, or a similar one where two files would get the same."""
        while name in self._taken:
            name = f"{name}_"
        self._taken.add(name)
        return name

    def _add_file(self, descriptor: int, name: str) -> None:
        with os.fdopen(descriptor, "rb") as source:
            moment = time.gmtime(max(os.fstat(descriptor).st_mtime, _ZIP_EPOCH))[:6]
            info = zipfile.ZipInfo(name, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | _FILE_MODE) << 16
            with self.archive.open(info, "w", force_zip64=True) as member:
                while chunk := source.read(CHUNK):
                    self._budget.spend_bytes(len(chunk))
                    member.write(chunk)


def _open(name: str, flags: int, readable: int, folder: int) -> int:
    """Open `name` inside `folder`, also where its owner has taken away the right to read it."""
    try:
        return os.open(name, flags, dir_fd=folder)
    except PermissionError:
        os.chmod(name, readable, dir_fd=folder)
        return os.open(name, flags, dir_fd=folder)


def _plain_name(name: str) -> str:
    """`name` as our own checks accept it: names of files may hold any bytes on Linux."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace").replace("\\", "_")
    return "".join(character if character.isprintable() else "_" for character in text)
