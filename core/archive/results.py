"""Looking into an archive to show what is in it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from core.archive.limits import DEFAULTS, Limits
from core.archive.names import is_ignored, shown
from core.archive.reader import DEFLATED, STORED, Entry, read_content, read_entries
from core.errors import EncryptedArchive, NotFound, UnsupportedCompression

_LOOKED_AT = 8192
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\b\x1b")
_MOST_CONTROLS = 0.1
_KEPT_MORE = 1_000_000
_REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """A file of an archive."""

    name: str
    size: int
    """Bytes unpacked, as the archive declares."""


@dataclass(frozen=True, slots=True)
class Member:
    """What a file of an archive holds."""

    text: str | None
    """None where it is no text."""
    size: int
    """Bytes of the whole file."""
    truncated: bool
    """Whether `text` ends before the file does."""
    is_text: bool


def list_members(file: IO[bytes], *, limits: Limits = DEFAULTS) -> tuple[MemberInfo, ...]:
    """The files in the archive, in its order, without those that systems leave behind.

    Raises:
        BadArchive: it cannot be read.

    """
    return tuple(
        MemberInfo(entry.name, entry.size)
        for entry in read_entries(file, limits)
        if not entry.is_folder and not is_ignored(entry.name)
    )


def read_member(file: IO[bytes], name: str, *, max_bytes: int, limits: Limits = DEFAULTS) -> Member:
    """The first `max_bytes` of the file `name` of the archive as text, if it is text.

    Text is UTF-8, else Latin-1, which every byte is (outputs are cut to their low bytes by the
    nodes; contract, section 2).

    Raises:
        NotFound: there is no such file.
        BadArchive: the archive or this entry cannot be read.

    """
    entry = next((entry for entry in read_entries(file, limits) if entry.name == name), None)
    if entry is None or entry.is_folder:
        raise NotFound(what="file")
    content = _read_start(file, entry, max_bytes)
    truncated = entry.size > len(content)
    if not _looks_like_text(content[:_LOOKED_AT]):
        return Member(None, entry.size, truncated, is_text=False)
    return Member(_decode(content, truncated=truncated), entry.size, truncated, is_text=True)


def read_output(file: IO[bytes], name: str, *, max_bytes: int, limits: Limits = DEFAULTS) -> Member:
    """The file `name` of the archive as what a program printed: always text, and with its end.

    Of more than `max_bytes` the beginning and the end are read, with a line `[…]` between them. NUL
    and broken bytes become replacement characters.

    Raises:
        NotFound: there is no such file.
        BadArchive: the archive or this entry cannot be read.

    """
    entry = next((entry for entry in read_entries(file, limits) if entry.name == name), None)
    if entry is None or entry.is_folder:
        raise NotFound(what="file")
    half = max_bytes // 2
    head, tail = bytearray(), bytearray()
    for chunk in _read(file, entry):
        room = max(0, half - len(head))
        head += chunk[:room]
        tail += chunk[room:]
        if len(tail) > half + _KEPT_MORE:
            del tail[:-half]
    if entry.size <= len(head) + len(tail) and entry.size <= max_bytes:
        return Member(_decode_output(bytes(head + tail)), entry.size, truncated=False, is_text=True)
    del tail[:-half]
    end, start = head.rfind(b"\n") + 1 or len(head), tail.find(b"\n") + 1
    parts = (_decode_output(bytes(head[:end])), _decode_output(bytes(tail[start:])))
    return Member("[…]\n".join(parts), entry.size, truncated=True, is_text=True)


def _decode_output(content: bytes) -> str:
    """UTF-8 with replacement characters, unless Latin-1 explains more of it."""
    text = content.decode("utf-8-sig", errors="replace")
    broken = text.count(_REPLACED)
    understood = sum(not character.isascii() for character in text) - broken
    if broken > understood and 0 not in content:
        text = content.decode("latin-1")
    return text.replace("\0", _REPLACED)


def _read_start(file: IO[bytes], entry: Entry, max_bytes: int) -> bytes:
    content = bytearray()
    for chunk in _read(file, entry):
        content += chunk
        if len(content) > max_bytes:
            break
    return bytes(content[:max_bytes])


def _read(file: IO[bytes], entry: Entry) -> Iterator[bytes]:
    if entry.flags & 1:
        raise EncryptedArchive(entry=shown(entry.name))
    if entry.method not in (STORED, DEFLATED):
        raise UnsupportedCompression(entry=shown(entry.name))
    yield from read_content(file, entry)


def _looks_like_text(start: bytes) -> bool:
    """No NUL, and few control characters but those that terminals know."""
    controls = sum(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in start)  # noqa: PLR2004 - ASCII
    return 0 not in start and controls <= _MOST_CONTROLS * len(start)


def _decode(content: bytes, *, truncated: bool) -> str:
    """A character that the limit has cut in two is left out."""
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(content, final=not truncated)
    except UnicodeDecodeError:
        return content.decode("latin-1")
