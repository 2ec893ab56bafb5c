"""Zip archives byte by byte (PKWARE APPNOTE 6.3.10), so that every field can lie."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Raw:
    """One entry; `local` and `central` replace fields of its two headers."""

    name: bytes = b"a.txt"
    data: bytes = b"hello"
    method: int = 8
    flags: int = 0
    attributes: int = 0
    local: Mapping[str, Any] = field(default_factory=dict)
    central: Mapping[str, Any] = field(default_factory=dict)
    after: bytes = b""
    """Bytes behind the data: a descriptor, or something hidden."""


def fields_of(entry: Raw, packed: bytes) -> dict[str, Any]:
    return {
        "flags": entry.flags,
        "method": entry.method,
        "crc": zlib.crc32(entry.data),
        "packed": len(packed),
        "size": len(entry.data),
        "name": entry.name,
        "extra": b"",
        "needs": 20,
    }


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def local_part(entry: Raw) -> bytes:
    """Local header (4.3.7), data and what follows."""
    packed = deflate(entry.data) if entry.method == 8 else entry.data
    f = {**fields_of(entry, packed), **entry.local}
    header = struct.pack(
        "<4s5H3I2H", b"PK\x03\x04", 20, f["flags"], f["method"], 0, 0x21,
        f["crc"], f["packed"], f["size"], len(f["name"]), len(f["extra"]),
    )  # fmt: skip
    return bytes(header + f["name"] + f["extra"] + packed + entry.after)


def central_part(entry: Raw, offset: int) -> bytes:
    """Entry of the central directory (4.3.12)."""
    packed = deflate(entry.data) if entry.method == 8 else entry.data
    f = {**fields_of(entry, packed), "offset": offset, **entry.central}
    header = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 0x31E, f["needs"], f["flags"], f["method"], 0, 0x21,
        f["crc"], f["packed"], f["size"], len(f["name"]), len(f["extra"]), 0, 0, 0,
        entry.attributes, f["offset"],
    )  # fmt: skip
    return bytes(header + f["name"] + f["extra"])


def end_part(count: int, size: int, start: int, comment: bytes = b"") -> bytes:
    """End of the central directory (4.3.16)."""
    return struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, size, start, len(comment)) + comment


def end64_part(count: int, size: int, start: int) -> bytes:
    """The zip64 record (4.3.14) and its locator (4.3.15), behind a directory that ends at its place."""
    record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    return record + struct.pack("<4sIQI", b"PK\x06\x07", 0, start + size, 1)


def make(*entries: Raw, comment: bytes = b"", count: int | None = None) -> io.BytesIO:
    """An archive of `entries`."""
    body, directory = b"", b""
    for entry in entries:
        directory += central_part(entry, len(body))
        body += local_part(entry)
    count = len(entries) if count is None else count
    return io.BytesIO(body + directory + end_part(count, len(directory), len(body), comment))


def usual(files: Mapping[str, bytes | str]) -> io.BytesIO:
    """An archive as programs make it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target
