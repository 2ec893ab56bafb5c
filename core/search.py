"""Search people as they are typed: without accents and capitals, each word on its own."""

from __future__ import annotations

import unicodedata

from sqlalchemy import ColumnElement, func, or_
from sqlalchemy.orm import InstrumentedAttribute


def search_key(text: str) -> str:
    """Return `text` without accents and capitals, as the SQL function of the same name does."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not "\u0300" <= char <= "\u036f").lower()


def split_words(search: str) -> list[str]:
    """Return the words of a search, each to be found somewhere."""
    return search_key(search.replace("\0", "")).split()


def matches(search: str, *texts: str | None) -> bool:
    """Return whether each word of `search` is part of one of `texts`."""
    keys = [search_key(text) for text in texts if text]
    return all(any(word in key for key in keys) for word in split_words(search))


def mentions(
    search: str, *columns: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
) -> list[ColumnElement[bool]]:
    """Return the conditions of `matches` in SQL."""
    return [
        or_(*(func.search_key(column).contains(word, autoescape=True) for column in columns))
        for word in split_words(search)
    ]
