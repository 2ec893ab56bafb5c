"""A long list in pages."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def choose_page(total: int, size: int, *, key: str) -> int:
    """The chosen page of `total` rows, from 0; nothing is drawn where one page holds them all."""
    pages = ceil(total / size)
    if pages <= 1:
        return 0
    return min(int(st.pagination(pages, key=key)), pages) - 1


def page_of(rows: Sequence[T], size: int, *, key: str) -> Sequence[T]:
    """The rows of the chosen page."""
    start = choose_page(len(rows), size, key=key) * size
    return rows[start : start + size]
