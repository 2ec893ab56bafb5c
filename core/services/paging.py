"""Cursors of long lists: where the last page ended, opaque to the client."""

from __future__ import annotations

import base64
import binascii
import re

from core.errors import BadCursor

PAGE_LIMIT = 200
"""Most items of one page."""

_LARGEST_ID = 2**63 - 1


def encode_cursor(last_id: int) -> str:
    """The cursor of the page after the item `last_id`."""
    return base64.urlsafe_b64encode(f"after:{last_id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    """The id that `cursor` was made of.

    Raises:
        BadCursor: it is none of ours.

    """
    try:
        plain = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    found = re.fullmatch(r"after:([0-9]{1,19})", plain, re.ASCII)
    if found is None or int(found[1]) > _LARGEST_ID:
        raise BadCursor
    return int(found[1])
