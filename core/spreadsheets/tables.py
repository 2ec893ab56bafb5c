"""Bytes → the tables that they may be."""

from __future__ import annotations

import csv
import io
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from core.errors import TooLarge, UnreadableRoster

Table = list[tuple[int, list[str]]]
"""The rows that are not blank, each with its number (from 1) as a program of sheets shows it."""

LARGEST_FILE = 5_000_000
"""Bytes of an upload; a thousand people take about a hundredth of that."""

SECONDS = 20.0
"""Longest that a workbook may take."""

MOST_ROWS, MOST_COLUMNS = 10_100, 60
"""What is read of a text; `child.py` has the same for workbooks."""

_CHILD = Path(__file__).with_name("child.py")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How .xlsx (zip) and .xls (compound file) begin, whatever their names say."""

_DELIMITERS = (";", ",", "\t", "|")
_AT_ONCE = threading.BoundedSemaphore(2)


def read_tables(content: bytes) -> list[Table]:
    """Every sheet of a workbook; or a text, cut in each way that it might be meant.

    Raises:
        TooLarge: more than `LARGEST_FILE`.
        UnreadableRoster: it is no table, is damaged or protected, or is too much to read.

    """
    if len(content) > LARGEST_FILE:
        raise TooLarge(limit_mb=LARGEST_FILE // 1_000_000)
    if content.startswith(_WORKBOOKS):
        return _workbook(content)
    text = _decode(content)
    return [_delimited(text, delimiter) for delimiter in _DELIMITERS]


def _workbook(content: bytes) -> list[Table]:
    with _AT_ONCE:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-B", str(_CHILD)],
                input=content,
                capture_output=True,
                timeout=SECONDS,
                env={},
                check=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise UnreadableRoster(field="file") from error
    return [[(number, cells) for number, cells in table] for table in json.loads(done.stdout)]


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        # Excel writes "CSV" in the code page of Windows, which Latin-1 completes.
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            return content.decode(encoding).replace("\0", "")
        except UnicodeDecodeError:
            continue
    raise UnreadableRoster(field="file")


def _delimited(text: str, delimiter: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return list(itertools.islice(_rows(reader), MOST_ROWS))
    except csv.Error as error:
        raise UnreadableRoster(field="file") from error


def _rows(reader: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(reader, 1):
        cells = [cell.strip() for cell in row[:MOST_COLUMNS]]
        if any(cells):
            yield number, cells
