"""Names of entries: which are safe, which collide, which are ignored, which are reserved."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable
from itertools import pairwise

from core.archive.leftovers import is_leftover
from core.archive.limits import Limits
from core.encodings import guess
from core.errors import (
    BackslashInName,
    BadEntryName,
    DamagedArchive,
    EntriesClash,
    ReservedEntry,
    UnsafeEntry,
)

_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED_FILE = re.compile(r"output_.*\.txt")
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_REVERSES_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_CODE_PAGES = ("cp850", "cp1252")
"""What Windows in Spanish uses for names: the page of its console, then that of its windows."""

_LONGEST_SHOWN = 80


def entry_names(raw: bytes, unicode_path: bytes | None, *, is_utf8: bool) -> tuple[str, str | None]:
    """Return the name of an entry, and a second one that other readers may see.

    `unicode_path` is the Unicode path field (APPNOTE 4.6.9): a version, the CRC of `raw` and the
    name in UTF-8. It takes precedence where its CRC is right.

    Raises:
        DamagedArchive: what should be UTF-8 is not.

    """
    name = decode_name(raw, is_utf8=is_utf8)
    if unicode_path is None:
        return name, None
    other = decode_name(unicode_path[5:], is_utf8=True)
    if unicode_path[:5] == b"\x01" + zlib.crc32(raw).to_bytes(4, "little"):
        name, other = other, name
    return name, other if other != name else None


def decode_name(raw: bytes, *, is_utf8: bool) -> str:
    """Return the name that `raw` bytes of the archive spell, in NFC and without `.` and empty parts.

    Without the UTF-8 flag it is in a code page of Windows, but macOS writes UTF-8 all the same.

    Raises:
        DamagedArchive: flagged as UTF-8 and is not.

    """
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if is_utf8:
            raise DamagedArchive(entry=shown(raw.decode("latin-1"))) from error
        name = guess(raw, _CODE_PAGES)
    return normal_name(name)


def normal_name(name: str) -> str:
    """Return `name` in NFC (macOS writes NFD) and without `.` and empty parts (`./a//b` is `a/b`).

    A name that is refused anyway keeps what it is refused for.
    """
    name = unicodedata.normalize("NFC", name)
    parts = parts_of(name)
    if not parts or name.startswith("/") or name.endswith("/."):
        return name
    return "/".join(parts) + ("/" if name.endswith("/") else "")


def shown(name: str) -> str:
    """`name` as it may stand in a sentence: on one line, harmless and not too long."""
    clean = "".join("\ufffd" if _is_unprintable(character) else character for character in name)
    return clean if len(clean) <= _LONGEST_SHOWN else clean[: _LONGEST_SHOWN - 1] + "…"


def _is_unprintable(character: str) -> bool:
    return unicodedata.category(character) in _UNPRINTABLE or character in _REVERSES_TEXT


def parts_of(name: str) -> tuple[str, ...]:
    """The folders and the last part of `name`, without the empty ones and `.`."""
    return tuple(part for part in name.split("/") if part not in ("", "."))


def check_name(name: str, limits: Limits) -> None:
    """Whether `name` stays inside any folder it is unpacked to, on any system.

    Raises:
        UnsafeEntry: `..`, an absolute path or a drive; as `BackslashInName` a backslash, which only
            some readers take for a separator; as `BadEntryName` a control character, one that
            reverses the text around it, or a name that is longer than file systems take.

    """
    parts = parts_of(name)
    if name.startswith("/") or _DRIVE.match(name) or ".." in parts:
        raise UnsafeEntry(entry=shown(name))
    if "\\" in name:
        raise BackslashInName(entry=shown(name))
    if (
        not name
        or name.rpartition("/")[2] == "."
        or any(map(_is_unprintable, name))
        or len(parts) > limits.levels
        or len(name.encode()) > limits.path_bytes
        or any(len(part.encode()) > limits.name_bytes for part in parts)
    ):
        raise BadEntryName(entry=shown(name))


def check_distinct(names: Iterable[str]) -> None:
    """Whether all `names` can lie side by side, also where case and Unicode form do not count.

    Only neighbours in the folded order are compared: whatever shares a folder, or a name, stands
    together there. A folder may be named twice, if it is spelled alike.

    Raises:
        EntriesClash: two names that would be one file, or a file that would be a folder.

    """
    ordered = sorted((tuple(map(_fold, parts_of(name))), name) for name in names)
    for (folded_a, name_a), (folded_b, name_b) in pairwise(ordered):
        shared = 0
        for part_a, part_b in zip(folded_a, folded_b, strict=False):
            if part_a != part_b:
                break
            shared += 1
        spelled_alike = parts_of(name_a)[:shared] == parts_of(name_b)[:shared]
        one_within_other = shared == len(folded_a)
        if not spelled_alike or (one_within_other and not name_a.endswith("/")):
            raise EntriesClash(entry=shown(name_b), other=shown(name_a))
        if folded_a == folded_b and not name_b.endswith("/"):
            raise EntriesClash(entry=shown(name_b), other=shown(name_a))


def _fold(part: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold())


def is_ignored(name: str) -> bool:
    """Whether it is no file or folder of the student's."""
    return not parts_of(name) or is_leftover(name)


def find_top_folder(names: Iterable[str]) -> str | None:
    """The one folder that encloses all of `names`, if there is one."""
    tops = set()
    for name in names:
        parts = parts_of(name)
        if len(parts) == 1 and not name.endswith("/"):
            return None
        tops.add(parts[0])
    return tops.pop() if len(tops) == 1 else None


def check_reserved(names: Iterable[str], top_folder: str | None) -> None:
    """Whether `names` leave the results to the processing, with and without the enclosing folder.

    Three of the executors take `results/passed.log` in the archive for a pass (contract, section 2).

    Raises:
        ReservedEntry: `results`, anything in it, or `output_*.txt`, in any case.

    """
    for name in names:
        parts = parts_of(name)
        candidates = [parts, parts[1:]] if parts[0] == top_folder else [parts]
        for candidate in filter(None, candidates):
            first = _fold(candidate[0])
            if first == "results" or _RESERVED_FILE.fullmatch(first):
                raise ReservedEntry(entry=shown(name))
