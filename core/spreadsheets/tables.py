"""Bytes → the tables that they may be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

from core.encodings import guess
from core.errors import NotASpreadsheet, TooLarge, UnreadableRoster
from core.spreadsheets.delimited import read_delimited
from core.spreadsheets.sheets import Document, Sheet

LARGEST_FILE = 5_000_000
"""Bytes of an upload; a thousand people take about a hundredth of that."""

SECONDS = 20.0
"""Longest that a workbook may take."""

_CHILD = Path(__file__).with_name("child.py")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How .xlsx (zip) and .xls (compound file) begin, whatever their names say."""

_WEB_ARCHIVE = b"MIME-Version:"
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w-]+)""", re.ASCII)
_DECLARABLE = frozenset({"utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "macintosh"})
_GUESSED = ("cp1252", "mac_roman", "cp850")
"""What Excel writes as "CSV" on Windows, on a Mac, and for MS-DOS."""

_DELIMITERS = (";", ",", "\t", "|")
_AT_ONCE = threading.BoundedSemaphore(2)


def read_document(content: bytes) -> Document:
    """Read every sheet of a workbook or web page; or a text, cut in each way that it might be meant.

    Raises:
        TooLarge: more than `LARGEST_FILE`.
        NotASpreadsheet: a web page without a table, or one saved whole with its pictures.
        UnreadableRoster: it is no table, is damaged or protected, or is too much to read.

    """
    if len(content) > LARGEST_FILE:
        raise TooLarge(limit_mb=LARGEST_FILE // 1_000_000)
    if content.startswith(_WORKBOOKS):
        return Document((_read_apart(content),))
    if content.lstrip().startswith(_WEB_ARCHIVE):
        raise NotASpreadsheet(field="file")
    text, is_guess = _decode(content)
    if text.lstrip().startswith("<"):
        sheets = _read_apart(text.encode())
        if not sheets:
            raise NotASpreadsheet(field="file")
        return Document((sheets,), is_guess)
    return Document(tuple((read_delimited(text, delimiter),) for delimiter in _DELIMITERS), is_guess)


def _read_apart(content: bytes) -> tuple[Sheet, ...]:
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
    return tuple(
        Sheet(name, [(number, cells) for number, cells in rows]) for name, rows in json.loads(done.stdout)
    )


def _decode(content: bytes) -> tuple[str, bool]:
    """Return `content` as text, and whether its encoding is a guess."""
    for encoding in _certain(content):
        try:
            return content.decode(encoding).replace("\0", ""), False
        except UnicodeDecodeError:
            continue
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableRoster(field="file")
    return guess(content, _GUESSED).replace("\0", ""), True


def _certain(content: bytes) -> list[str]:
    """Return the encodings that the content names or proves."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ["utf-16"]
    if content.lstrip().startswith(b"<") and (declared := _DECLARED.search(content[:2000])):
        name = declared.group(1).decode().lower()
        if name in _DECLARABLE:
            return [name]
    return ["utf-8-sig"]
