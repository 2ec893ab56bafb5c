"""Names of entries: which are safe, which collide, which are ignored, which are reserved."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from core.archive.limits import Limits
from core.errors import DamagedArchive, ReservedEntry, UnsafeEntry

_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED_FILE = re.compile(r"output_.*\.txt")
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_REVERSES_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_IGNORED_NAMES = frozenset({".DS_Store", "Thumbs.db"})
_IGNORED_FOLDER = "__MACOSX"
_LONGEST_SHOWN = 80


def decode_name(raw: bytes, *, is_utf8: bool) -> str:
    """The name that `raw` bytes of the archive spell.

    Without the UTF-8 flag it should be code page 437, but macOS writes UTF-8 all the same.

    Raises:
        DamagedArchive: flagged as UTF-8 and is not.

    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if is_utf8:
            raise DamagedArchive(entry=shown(raw.decode("latin-1"))) from error
        return raw.decode("cp437")


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
        UnsafeEntry: `..`, an absolute path, a drive, a backslash, a control character, one that
            reverses the text around it, or a name that is longer than file systems take.

    """
    parts = parts_of(name)
    if (
        not name
        or name.startswith("/")
        or "\\" in name
        or _DRIVE.match(name)
        or ".." in parts
        or name.rpartition("/")[2] == "."
        or any(map(_is_unprintable, name))
        or len(parts) > limits.levels
        or len(name.encode()) > limits.path_bytes
        or any(len(part.encode()) > limits.name_bytes for part in parts)
    ):
        raise UnsafeEntry(entry=shown(name))


def check_distinct(names: Iterable[str]) -> None:
    """Whether all `names` can lie side by side, also where case and Unicode form do not count.

    Only neighbours in the folded order are compared: whatever shares a folder, or a name, stands
    together there. A folder may be named twice, if it is spelled alike.

    Raises:
        UnsafeEntry: two names that would be one file, or a file that would be a folder.

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
            raise UnsafeEntry(entry=shown(name_b))
        if folded_a == folded_b and not name_b.endswith("/"):
            raise UnsafeEntry(entry=shown(name_b))


def _fold(part: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold())


def is_ignored(name: str) -> bool:
    """Whether a system left it behind by itself (contract, section 2: Files)."""
    parts = parts_of(name)
    return not parts or parts[0] == _IGNORED_FOLDER or parts[-1] in _IGNORED_NAMES


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
        candidates = [parts] if top_folder is None else [parts, parts[1:]]
        for candidate in filter(None, candidates):
            first = _fold(candidate[0])
            if first == "results" or _RESERVED_FILE.fullmatch(first):
                raise ReservedEntry(entry=shown(name))
