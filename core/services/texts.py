"""Texts that people write, before they are stored."""

from __future__ import annotations

import re
import unicodedata

from core.errors import BadText, Required, TooLong

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Postgres takes no NUL, and half of a surrogate pair is no character."""


def clean_text(field: str, value: str, *, limit: int, required: bool = False) -> str:
    """`value` in NFC without blanks around it. `limit` in characters.

    Raises:
        Required, TooLong, BadText: `field` names it.

    """
    text = unicodedata.normalize("NFC", value).strip()
    if required and not text:
        raise Required(field=field)
    if len(text) > limit:
        raise TooLong(field=field, limit=limit)
    if _UNSTORABLE.search(text):
        raise BadText(field=field)
    return text


def shown_file_name(name: str, *, limit: int, otherwise: str) -> str:
    """The last part of what a browser sent, printable and of bounded length; never used as a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in last if character.isprintable())[:limit] or otherwise
