"""The zip format, read strictly (PKWARE APPNOTE 6.3.10; the section is named at each part).

Entries must lie one after another from the first byte to the central directory, each with a
local header that agrees with the directory. So no two entries share bytes (overlapping bombs)
and nothing is hidden from one kind of reader that another kind would see.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO

from core.archive.limits import Limits, bomb
from core.archive.names import entry_names, shown
from core.errors import DamagedArchive, NotAZip

CHUNK = 1 << 18
STORED, DEFLATED = 0, 8

_LOCAL = struct.Struct("<4s5H3I2H")  # 4.3.7
_CENTRAL = struct.Struct("<4s6H3I5H2I")  # 4.3.12
_END = struct.Struct("<4s4H2IH")  # 4.3.16
_LOCATOR64 = struct.Struct("<4sIQI")  # 4.3.15
_END64 = struct.Struct("<4sQ2H2I4Q")  # 4.3.14
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_LONGEST_COMMENT = 0xFFFF
_UTF8_NAME = 0x800
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder of an archive, as the central directory and its local header agree on it."""

    name: str
    raw_name: bytes
    other_name: str | None
    """The name that other readers see, where the Unicode path field (4.6.9) gives a second one."""
    flags: int
    method: int
    crc: int
    packed: int
    """Bytes in the archive."""
    size: int
    """Bytes unpacked, as declared."""
    attributes: int
    """The upper 16 bits are a Unix mode where the archive was made on Unix."""
    needs: int
    """Version of the format, times ten, that its readers must know (4.4.3)."""
    offset: int
    """Where the local header starts."""
    data: int = -1
    """Where the packed bytes start."""

    @property
    def is_folder(self) -> bool:
        """Whether the name says that it is a folder (4.3.17.1: it ends in a slash)."""
        return self.name.endswith("/")


def read_entries(file: IO[bytes], limits: Limits) -> list[Entry]:
    """All entries of the archive in `file`, in the order of their bytes. Contents are not read.

    Raises:
        NotAZip: the content is something else.
        DamagedArchive: the structure is broken, or reads differently from place to place.
        ArchiveBomb: more entries than `limits` allow.

    """
    file.seek(0)
    if file.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
        raise NotAZip
    start, size, count = _find_directory(file)
    if size > limits.directory_bytes:
        raise bomb(limits)
    directory = _read_at(file, start, size)
    entries: list[Entry] = []
    position = 0
    while position < size:
        if len(entries) == limits.entries:
            raise bomb(limits)
        entry, position = _parse_central(directory, position)
        entries.append(entry)
    if len(entries) != count:
        raise DamagedArchive(entry="central directory")
    entries.sort(key=lambda entry: entry.offset)
    return _with_data(file, entries, directory_start=start)


def read_content(file: IO[bytes], entry: Entry) -> Iterator[bytes]:
    """The unpacked bytes of `entry` in chunks of at most 256 KiB.

    Raises:
        DamagedArchive: at the end, if size or CRC differ from what was declared; before, if the
            packed data is broken.

    """
    crc = size = 0
    for chunk in _stored(file, entry) if entry.method == STORED else _inflated(file, entry):
        size += len(chunk)
        if size > entry.size:
            raise DamagedArchive(entry=shown(entry.name))
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if size != entry.size or crc != entry.crc:
        raise DamagedArchive(entry=shown(entry.name))


def _stored(file: IO[bytes], entry: Entry) -> Iterator[bytes]:
    for position in range(0, entry.packed, CHUNK):
        yield _read_at(file, entry.data + position, min(CHUNK, entry.packed - position))


def _inflated(file: IO[bytes], entry: Entry) -> Iterator[bytes]:
    """4.4.5 method 8; never more than a chunk at a time, however well it was packed."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for packed in _stored(file, entry):
            if inflater.eof:
                raise DamagedArchive(entry=shown(entry.name))
            pending = packed
            while pending:
                if chunk := inflater.decompress(pending, CHUNK):
                    yield chunk
                pending = inflater.unconsumed_tail
        while not inflater.eof and (chunk := inflater.decompress(b"", CHUNK)):
            yield chunk
    except zlib.error as error:
        raise DamagedArchive(entry=shown(entry.name)) from error
    if not inflater.eof or inflater.unused_data:
        raise DamagedArchive(entry=shown(entry.name))


def _find_directory(file: IO[bytes]) -> tuple[int, int, int]:
    """Start, size and number of entries of the central directory."""
    length = file.seek(0, os.SEEK_END)
    tail_start = max(0, length - _END.size - _LONGEST_COMMENT)
    tail = _read_at(file, tail_start, length - tail_start)
    position = tail.rfind(b"PK\x05\x06")
    if position < 0 or position + _END.size > len(tail):
        raise DamagedArchive(entry="end of file")
    _, disk, first_disk, on_disk, count, size, start, comment = _END.unpack_from(tail, position)
    if position + _END.size + comment != len(tail):
        raise DamagedArchive(entry="end of file")
    end = tail_start + position
    wide = _find_directory64(file, end)
    if wide is not None:
        for narrow, value, unknown in zip(
            (start, size, count), wide[:3], (_MAX32, _MAX32, _MAX16), strict=True
        ):
            if narrow not in (value, unknown):
                raise DamagedArchive(entry="end of file")
        start, size, count, end = wide
    elif disk or first_disk or on_disk != count:
        raise DamagedArchive(entry="end of file")
    if start + size != end:
        raise DamagedArchive(entry="central directory")
    return start, size, count


def _find_directory64(file: IO[bytes], end: int) -> tuple[int, int, int, int] | None:
    """Start, size, number of entries and end of the directory in a zip64 archive, else None."""
    if end < _LOCATOR64.size + _END64.size:
        return None
    locator = end - _LOCATOR64.size
    signature, _, record, _ = _LOCATOR64.unpack(_read_at(file, locator, _LOCATOR64.size))
    if signature != b"PK\x06\x07":
        return None
    if record + _END64.size > locator:
        raise DamagedArchive(entry="end of file")
    signature, length, _, _, disk, first_disk, on_disk, count, size, start = _END64.unpack(
        _read_at(file, record, _END64.size)
    )
    if signature != b"PK\x06\x06" or record + 12 + length != locator:
        raise DamagedArchive(entry="end of file")
    if disk or first_disk or on_disk != count:
        raise DamagedArchive(entry="end of file")
    return start, size, count, record


def _parse_central(directory: bytes, position: int) -> tuple[Entry, int]:
    """The entry at `position` of the directory, and the position after it."""
    if position + _CENTRAL.size > len(directory):
        raise DamagedArchive(entry="central directory")
    (signature, _, needs, flags, method, _, _, crc, packed, size, name_length, extra_length,
     comment_length, _, _, attributes, offset) = _CENTRAL.unpack_from(directory, position)  # fmt: skip
    name_at = position + _CENTRAL.size
    extra_at = name_at + name_length
    after = extra_at + extra_length + comment_length
    if signature != b"PK\x01\x02" or after > len(directory):
        raise DamagedArchive(entry="central directory")
    raw_name = directory[name_at:extra_at]
    extra = _extra_fields(directory[extra_at : extra_at + extra_length])
    size, packed, offset = _widen(extra, size, packed, offset)
    name, other_name = entry_names(raw_name, extra.get(_UNICODE_PATH_EXTRA), is_utf8=bool(flags & _UTF8_NAME))
    entry = Entry(
        name=name,
        raw_name=raw_name,
        other_name=other_name,
        flags=flags,
        method=method,
        crc=crc,
        packed=packed,
        size=size,
        attributes=attributes,
        needs=needs & 0xFF,
        offset=offset,
    )
    return entry, after


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    """4.5.1; the first of each kind, padding at the end ignored as all readers do."""
    fields: dict[int, bytes] = {}
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        fields.setdefault(kind, extra[position + 4 : position + 4 + length])
        position += 4 + length
    return fields


def _widen(extra: dict[int, bytes], *values: int) -> list[int]:
    """4.5.3: each 32-bit value that is all ones stands, in order, in the zip64 field."""
    wide = extra.get(_ZIP64_EXTRA, b"")
    widened = []
    for value in values:
        if value == _MAX32 and len(wide) >= 8:  # noqa: PLR2004 - eight bytes make 64 bits
            widened.append(int.from_bytes(wide[:8], "little"))
            wide = wide[8:]
        else:
            widened.append(value)
    return widened


def _with_data(file: IO[bytes], entries: list[Entry], *, directory_start: int) -> list[Entry]:
    """The entries with the place of their data, once they are known to fill the file without a gap."""
    starts = [entry.offset for entry in entries] + [directory_start]
    if starts[0] != 0:
        raise DamagedArchive(entry="byte 0")
    located = []
    for entry, end in zip(entries, starts[1:], strict=True):
        data = _check_local(file, entry)
        gap = end - data - entry.packed
        if gap and _read_at(file, data + entry.packed, gap, at_most=24) not in _descriptors(entry):
            raise DamagedArchive(entry=shown(entry.name))
        located.append(replace(entry, data=data))
    return located


def _check_local(file: IO[bytes], entry: Entry) -> int:
    """Where the data of `entry` starts, once its local header agrees with the directory (4.3.7)."""
    damaged = DamagedArchive(entry=shown(entry.name))
    (signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length) = _LOCAL.unpack(
        _read_at(file, entry.offset, _LOCAL.size)
    )
    if signature != b"PK\x03\x04" or method != entry.method or (flags ^ entry.flags) & 1:
        raise damaged
    name = _read_at(file, entry.offset + _LOCAL.size, name_length)
    if name != entry.raw_name:
        raise damaged
    extra = _extra_fields(_read_at(file, entry.offset + _LOCAL.size + name_length, extra_length))
    size, packed = _widen(extra, size, packed)
    # 4.4.4 bit 3: written as a stream, the values follow the data; they are zero up here.
    may_be_absent = (0, _MAX32) if flags & 8 else ()
    for local, central in ((crc, entry.crc), (packed, entry.packed), (size, entry.size)):
        if local != central and local not in may_be_absent:
            raise damaged
    data: int = entry.offset + _LOCAL.size + name_length + extra_length
    return data


def _descriptors(entry: Entry) -> set[bytes]:
    """What may stand between the data of `entry` and the next one (4.3.9)."""
    if not entry.flags & 8:
        return set()
    wide = struct.pack("<IQQ", entry.crc, entry.packed, entry.size)
    forms = {wide}
    if max(entry.packed, entry.size) <= _MAX32:
        forms.add(struct.pack("<III", entry.crc, entry.packed, entry.size))
    return forms | {b"PK\x07\x08" + form for form in forms}


def _read_at(file: IO[bytes], position: int, count: int, *, at_most: int | None = None) -> bytes:
    """Exactly `count` bytes from `position`; damaged if there are fewer, or more than `at_most`."""
    if count < 0 or (at_most is not None and count > at_most):
        raise DamagedArchive(entry=f"byte {max(position, 0)}")
    file.seek(position)
    data = file.read(count)
    if len(data) != count:
        raise DamagedArchive(entry=f"byte {position + len(data)}")
    return data
