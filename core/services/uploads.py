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


def measure(source: BinaryIO, settings: Settings, *, limit_mb: int = 0) -> Measured:
    """Read `source` through and put it back to its start. `limit_mb`: a limit of its own; 0: none.

    Raises:
        TooLarge: noticed while reading, not after.

    """
    limit_mb = min(limit_mb or settings.max_upload_mb, settings.max_upload_mb)
    digest, size = hashlib.sha256(), 0
    source.seek(0)
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > limit_mb * 1_000_000:
            raise TooLarge(limit_mb=limit_mb)
        digest.update(chunk)
    source.seek(0)
    return Measured(size, digest.hexdigest())
