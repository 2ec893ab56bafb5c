"""From an archive to a folder and back, for the local runner."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from core.archive.checks import check_entry, check_sizes
from core.archive.limits import DEFAULTS, Budget, Limits, bomb
from core.archive.names import is_ignored, parts_of, shown
from core.archive.reader import Entry, read_content, read_entries
from core.errors import EntriesClash

_FOLDER_MODE, _FILE_MODE = 0o755, 0o644
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


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


def pack(folder: Path, target: IO[bytes], *, limits: Limits = DEFAULTS) -> None:
    """Write everything in `folder` to `target` as a zip, in the order of names.

    Only plain files and folders go in: a program of a student may have left links to files of
    ours, or pipes that never end. `folder` must not change meanwhile.

    Raises:
        ArchiveBomb: it holds more than `limits` allow.

    """
    budget = Budget(limits)
    count = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in _walk(folder, most=limits.entries + 1):
            count += 1
            if count > limits.entries or len(parts_of(name)) > limits.levels:
                raise bomb(limits)
            if name.endswith("/"):
                archive.mkdir(name.rstrip("/"), mode=_FOLDER_MODE)
            else:
                budget.spend_bytes(path.lstat().st_size)
                _add_file(archive, path, name)


def _walk(folder: Path, prefix: str = "", *, most: int) -> Iterator[tuple[Path, str]]:
    """Folders (their names end in `/`) and plain files below `folder`, parents first.

    At most `most` of each folder, since all names of one folder are sorted in memory.
    """
    with os.scandir(folder) as found:
        items = sorted(islice(found, most), key=lambda item: item.name)
    for item in items:
        name = prefix + _plain_name(item.name)
        if item.is_dir(follow_symlinks=False):
            yield Path(item.path), name + "/"
            yield from _walk(Path(item.path), name + "/", most=most)
        elif item.is_file(follow_symlinks=False):
            yield Path(item.path), name


def _plain_name(name: str) -> str:
    """`name` as our own checks accept it: names of files may hold any bytes on Linux."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace").replace("\\", "_")
    return "".join(character if character.isprintable() else "_" for character in text)


def _add_file(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as source:
        info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (stat.S_IFREG | _FILE_MODE) << 16
        with archive.open(info, "w") as member:
            shutil.copyfileobj(source, member)
