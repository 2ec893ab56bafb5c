"""What submissions and images have in common on their way in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from core.config import Settings
from core.errors import TooLarge

_CHUNK = 262_144


@dataclass(frozen=True, slots=True)
class Measured:
    """Size in bytes and SHA-256 (hexadecimal) of an upload."""

    size: int
    sha256: str


def measure(source: BinaryIO, settings: Settings) -> Measured:
    """Read `source` through and put it back to its start.

    Raises:
        TooLarge: noticed while reading, not after.

    """
    digest, size = hashlib.sha256(), 0
    source.seek(0)
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > settings.max_upload_bytes:
            raise TooLarge(limit_mb=settings.max_upload_mb)
        digest.update(chunk)
    source.seek(0)
    return Measured(size, digest.hexdigest())
