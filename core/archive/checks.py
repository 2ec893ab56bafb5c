"""What an uploaded archive must be before anything of it is stored."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from core.archive.limits import DEFAULTS, Budget, Limits, bomb
from core.archive.names import (
    check_distinct,
    check_name,
    check_reserved,
    find_top_folder,
    is_ignored,
    parts_of,
    shown,
)
from core.archive.reader import DEFLATED, STORED, Entry, read_content, read_entries
from core.errors import (
    ArchiveBomb,
    BadArchive,
    DamagedArchive,
    EmptyArchive,
    EncryptedArchive,
    UnsafeEntry,
    UnsupportedCompression,
)

_ENCRYPTED_FLAGS = 1 << 0 | 1 << 6 | 1 << 13  # APPNOTE 4.4.4: password, strong, masked headers
_AES = 99
_NEWEST = 63
"""Version 6.3 of the format (4.4.3.2); there is none later, and readers refuse what asks for one."""

_PLAIN_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)
_ZIP_START = b"PK\x03\x04"
_HELD_IN_MEMORY = 1 << 20


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What an accepted archive holds."""

    entries: int
    """All entries: files, folders, ignored ones."""
    unpacked_bytes: int
    top_folder: str | None
    """The one folder that encloses everything, if there is one."""
    names: tuple[str, ...]
    """The files, as named in the archive and in its order, without the ignored ones."""


def inspect(file: IO[bytes], *, limits: Limits = DEFAULTS) -> ArchiveSummary:
    """Check the submission in `file` (seekable, its place is moved) by reading all of it once.

    Contents are read in chunks, so memory stays flat; `limits` bound time. The file's name has no
    say. Archives within the archive count towards the limits and are else left alone.

    Raises:
        NotAZip, EmptyArchive, DamagedArchive, UnsafeEntry, ReservedEntry, ArchiveBomb,
        EncryptedArchive, UnsupportedCompression: as their sentences say.

    """
    entries = read_entries(file, limits)
    if not entries:
        raise EmptyArchive
    for entry in entries:
        check_entry(entry, limits)
    _check_together([entry.name for entry in entries])
    if any(entry.other_name for entry in entries):
        _check_together([entry.other_name or entry.name for entry in entries])
    kept = [entry.name for entry in entries if not is_ignored(entry.name)]
    top_folder = find_top_folder(kept)
    check_sizes(file, entries, limits)
    _read_through(file, entries, Budget(limits), depth=0)
    return ArchiveSummary(
        entries=len(entries),
        unpacked_bytes=sum(entry.size for entry in entries),
        top_folder=top_folder,
        names=tuple(name for name in kept if not name.endswith("/")),
    )


def check_names(names: Sequence[str], limits: Limits = DEFAULTS) -> None:
    """Check all the names of an archive: alone, beside each other, and against what is reserved.

    Raises:
        UnsafeEntry, ReservedEntry: the first that cannot be accepted.

    """
    for name in names:
        check_name(name, limits)
    _check_together(names)


def _check_together(names: Sequence[str]) -> None:
    check_distinct(names)
    top_folder = find_top_folder(name for name in names if not is_ignored(name))
    check_reserved((name for name in names if parts_of(name)), top_folder)


def check_entry(entry: Entry, limits: Limits) -> None:
    """Whether `entry` is a plain file or folder that every node can read.

    Raises:
        UnsafeEntry, EncryptedArchive, UnsupportedCompression, DamagedArchive: it is not.

    """
    check_name(entry.name, limits)
    if entry.other_name is not None:
        check_name(entry.other_name, limits)
    kind = stat.S_IFMT(entry.attributes >> 16)
    is_folder_without_slash = kind == stat.S_IFDIR and not entry.is_folder
    if kind not in _PLAIN_KINDS or is_folder_without_slash:
        raise UnsafeEntry(entry=shown(entry.name))
    if entry.flags & _ENCRYPTED_FLAGS or entry.method == _AES:
        raise EncryptedArchive(entry=shown(entry.name))
    if entry.method not in (STORED, DEFLATED) or entry.needs > _NEWEST:
        raise UnsupportedCompression(entry=shown(entry.name))
    if entry.is_folder and entry.size:
        raise DamagedArchive(entry=shown(entry.name))


def check_sizes(file: IO[bytes], entries: Sequence[Entry], limits: Limits) -> None:
    """Whether what `entries` declare is within `limits`. What they hold is counted while reading.

    Raises:
        ArchiveBomb: it is not.

    """
    declared = sum(entry.size for entry in entries)
    packed = file.seek(0, os.SEEK_END)
    is_too_dense = declared > limits.ratio_free_bytes and declared > limits.ratio * packed
    if declared > limits.unpacked_bytes or is_too_dense:
        raise bomb(limits)


def _read_through(file: IO[bytes], entries: Sequence[Entry], budget: Budget, *, depth: int) -> None:
    """Read every byte of every entry, and of archives among them."""
    for entry in entries:
        with tempfile.SpooledTemporaryFile(max_size=_HELD_IN_MEMORY) as inner:
            is_archive = False
            for number, chunk in enumerate(read_content(file, entry)):
                budget.spend_bytes(len(chunk))
                if number == 0:
                    is_archive = chunk.startswith(_ZIP_START)
                if is_archive:
                    inner.write(chunk)
            if is_archive:
                _read_nested(inner, budget, depth=depth + 1)


def _read_nested(file: IO[bytes], budget: Budget, *, depth: int) -> None:
    """Count an archive within the archive towards the limits.

    Nothing here unpacks it, so a broken one is only a file (a project may bring one to test with).

    Raises:
        ArchiveBomb: it goes on within itself, or together they are too much.

    """
    if depth > budget.limits.nesting:
        raise bomb(budget.limits)
    try:
        entries = read_entries(file, budget.limits)
        budget.spend_nested_entries(len(entries))
        check_sizes(file, entries, budget.limits)
        _read_through(file, [entry for entry in entries if _is_readable(entry)], budget, depth=depth)
    except ArchiveBomb:
        raise
    except BadArchive:
        return


def _is_readable(entry: Entry) -> bool:
    return not entry.flags & _ENCRYPTED_FLAGS and entry.method in (STORED, DEFLATED)
