"""Byte ranges as RFC 9110, section 14, has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.files import Span, Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-499", 0, 500),
        ("bytes=500-", 500, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=990-99999999999999999999999", 990, 1000),
        ("BYTES=1-2", 1, 3),
    ],
)
def test_one_range_is_cut_to_what_the_file_has(header: str, start: int, end: int) -> None:
    assert parse_range(header, 1000) == Span(start, end)


@pytest.mark.parametrize(
    "header",
    ["bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "lines=0-1", "bytes=0-1,5-6", "bytes=٣-٤", "0-1"],
)
def test_what_is_no_single_range_of_bytes_is_ignored(header: str) -> None:
    assert parse_range(header, 1000) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=1000-", 1000), ("bytes=1000-1001", 1000), ("bytes=-0", 1000), ("bytes=0-", 0), ("bytes=-5", 0)],
)
def test_what_begins_behind_the_end_cannot_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, size)


@given(st.text(alphabet="bytes=-, 0123456789٣x"), st.integers(0, 10_000))
def test_no_header_leads_outside_of_the_file(header: str, size: int) -> None:
    try:
        span = parse_range(f"bytes={header}", size)
    except Unsatisfiable:
        return
    assert span is None or 0 <= span.start < span.end <= size
