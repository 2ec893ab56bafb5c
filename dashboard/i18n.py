"""Words, dates and numbers in the language of the reader. Source strings are English."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import streamlit as st
from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

_LOCALE = Path(__file__).parent / "locale"
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
"""Short forms that both languages have, without a plural."""
LANGUAGES = {"es": "Español", "en": "English"}


@cache
def catalogue(language: str) -> dict[str, str]:
    """Source string → text of `language`; empty for English."""
    path = _LOCALE / language / "LC_MESSAGES" / "dashboard.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        entries = read_po(file, locale=language)
    texts: dict[str, str] = {}
    for entry in entries:
        if not entry.id or not entry.string:
            continue
        if isinstance(entry.id, tuple):
            texts |= dict(zip(entry.id, entry.string, strict=True))
        else:
            texts[str(entry.id)] = str(entry.string)
    return texts


def language() -> str:
    """The language of this session; set by the sign-in gate."""
    return str(st.session_state.get("language", "es"))


def gettext(source: str) -> str:
    """`source` in the reader's language; itself where there is no translation."""
    return catalogue(language()).get(source, source)


def plural(one: str, many: str, count: int, **fields: str) -> str:
    """`one` or `many` in the reader's language, by `count`, with `{count}` and the other fields filled in.

    Both languages have the same two forms: one, and any other number.
    """
    return gettext(one if count == 1 else many).format(count=number_text(count), **fields)


def plain(text: str) -> str:
    """Return Markdown, on one line, that shows `text` as it was typed."""
    return re.sub(r"([\\`*_{}\[\]()#+.!|<>~$:&=^-])", r"\\\1", " ".join(text.split()))


def datetime_text(moment: datetime | None, zone: ZoneInfo) -> str:
    """A moment in `zone`, short, with the zone's abbreviation; a dash for None."""
    if moment is None:
        return "—"
    return format_datetime(moment, "d MMM y, HH:mm", tzinfo=zone, locale=language())


def precise_text(moment: datetime, zone: ZoneInfo) -> str:
    """A moment in `zone`, short, to the second."""
    return str(format_datetime(moment, "d MMM y, HH:mm:ss", tzinfo=zone, locale=language()))


def day_format() -> Literal["DD/MM/YYYY", "YYYY-MM-DD"]:
    """How a field for a day is written: in English as everybody reads it, whatever their country."""
    return "DD/MM/YYYY" if language() == "es" else "YYYY-MM-DD"


def duration_text(seconds: float | None) -> str:
    """Return a span in its two largest units, as `1 min 14 s`; a dash for None. clock.js does the same."""
    if seconds is None:
        return "—"
    left = round(seconds)
    parts: list[str] = []
    for unit, length in _UNITS:
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part) or "0 s"


def bytes_text(count: int) -> str:
    """A size in kB or MB (powers of ten)."""
    kilo, mega = count / 1e3, count / 1e6
    return f"{number_text(round(mega, 1))} MB" if mega >= 1 else f"{number_text(round(kilo, 1))} kB"


def number_text(number: float) -> str:
    """A number with the separators of the language."""
    return str(format_decimal(number, locale=language()))
