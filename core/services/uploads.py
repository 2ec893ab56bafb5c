"""What submissions, images and other files have in common on their way in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from core.auth import Right, require
from core.config import Settings
from core.context import Actor, Context
from core.errors import TooLarge

_CHUNK = 262_144


@dataclass(frozen=True, slots=True)
class Measured:
    """Size in bytes and SHA-256 (hexadecimal) of an upload."""

    size: int
    sha256: str


def check_may_keep(ctx: Context, actor: Actor) -> None:
    """Whether a page may ask `actor` for a file that is no submission.

    Raises:
        NotSignedIn, NotAllowed: lists, images and statements come from professors and admins.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.KEEP_FILE)


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
