"""Reading what the orchestrator reports: bytes in, a `Report` or an `Unreadable` out, never an error.

The orchestrator cuts each character to its low byte, so a report may be invalid UTF-8 or, where a
character became a quote, broken JSON. It is decoded as UTF-8, else Latin-1, parsed leniently, and
where that fails the fields that matter are salvaged by pattern: the text of the log is the only
free text in it and stands after them (contract, section 2).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.vocabulary import ParkReason
from core.wire.meanings import Meaning, Root, Text, meaning_of, recognise
from core.wire.names import DONE_KEY, FAILED_KEY, REPORT_KEYS

KEPT_BYTES = 65_536
"""Bytes of a body that are kept to look at or to apply again. What names the task stands first."""

MESSAGE_LIMIT = 65_536
"""Characters of one log message that are kept."""

_DIGEST_BYTES = 16
_BIGGEST = 2**63 - 1
_LENIENT = json.JSONDecoder(strict=False)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What Postgres cannot hold in a text."""

_TASK_ID = re.compile(r'"taskId"\s*:\s*"([^"\\\x00-\x1f]{0,100})"')
_FILE_PATH = re.compile(r'"filePath"\s*:\s*"([^"\x00-\x1f]{0,1000})"')
_TREE = re.compile(r'"routingTree"\s*:\s*(?=\{)')
_MESSAGE = re.compile(r'"logMessage"\s*:\s*"')
_TAG = re.compile(r'"mqId"\s*:\s*(-?\d{1,19})(?!\d)')
_MESSAGE_END = '","mqId"'


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a report came: what is needed to know it again and to look at it later."""

    key: str
    redelivered: bool
    digest: bytes
    """Of key and whole body: two reports are the same if it is."""
    kept: bytes
    """The body, at most its first `KEPT_BYTES`."""
    size: int
    """Of the whole body, in bytes."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says. `task_id` or `file_path` may be empty, never both."""

    envelope: Envelope
    task_id: str
    file_path: str
    root: Root
    depth: int
    """Stages that the success chain still has, the root included; 0 unless the root is a stage."""
    text: Text
    meaning: Meaning
    message: str
    tag: int | None
    """The delivery tag at the node (`mqId`); reports of one delivery share it."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A report that cannot be applied, and what could be read of it."""

    envelope: Envelope
    reason: ParkReason
    task_id: str = ""
    file_path: str = ""


def read_report(body: bytes, key: str, *, redelivered: bool = False) -> Report | Unreadable:
    """Read one report as it came from the broker."""
    envelope = Envelope(
        key=_storable(key)[:255],
        redelivered=redelivered,
        digest=hashlib.blake2b(
            body, digest_size=_DIGEST_BYTES, key=key.encode(errors="replace")[:64]
        ).digest(),
        kept=body[:KEPT_BYTES],
        size=len(body),
    )
    fields = _fields(_decode(body))
    task_id, file_path = _name(fields.get("taskId")), _name(fields.get("filePath"))
    if key not in REPORT_KEYS:
        return Unreadable(envelope, ParkReason.UNKNOWN_KEY, task_id, file_path)
    if fields.get("taskId") == "" and file_path == "/":
        return Unreadable(envelope, ParkReason.NODE_COULD_NOT_READ)
    if not task_id and not file_path:
        return Unreadable(envelope, ParkReason.UNREADABLE)
    root, depth = _measure(fields.get("routingTree"))
    message = fields.get("logMessage")
    message = _storable(message[:MESSAGE_LIMIT]) if isinstance(message, str) else ""
    text = recognise(message)
    return Report(
        envelope=envelope,
        task_id=task_id,
        file_path=file_path,
        root=root,
        depth=depth,
        text=text,
        meaning=meaning_of(key, root, text),
        message=message,
        tag=_tag(fields.get("mqId")),
    )


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _fields(text: str) -> Mapping[str, object]:
    try:
        fields = _LENIENT.decode(text)
    except (ValueError, RecursionError):
        return _salvage(text)
    return fields if isinstance(fields, dict) else {}


def _salvage(text: str) -> dict[str, object]:
    """The fields of a broken report. The first of each counts: the log's text stands after them."""
    found: dict[str, object] = {}
    for name, pattern in (("taskId", _TASK_ID), ("filePath", _FILE_PATH)):
        match = pattern.search(text)
        if match:
            found[name] = match[1].replace("\\/", "/")
    message = _MESSAGE.search(text)
    tree = _TREE.search(text)
    if tree and not (message and message.start() < tree.start()):
        try:
            found["routingTree"], _ = _LENIENT.raw_decode(text, tree.end())
        except (ValueError, RecursionError):
            found["routingTree"] = None
    if message:
        end = text.rfind(_MESSAGE_END, message.end())
        found["logMessage"] = text[message.end() : end if end >= 0 else None]
        tag = _TAG.search(text, end) if end >= 0 else None
        if tag:
            found["mqId"] = int(tag[1])
    return found


def _name(value: object) -> str:
    """A task's id or a path as text; empty when it is neither a text nor a number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return _storable(str(value)[:1000]).strip()


def _tag(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _BIGGEST:
        return value
    return None


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)


def _measure(tree: object) -> tuple[Root, int]:
    """The root of a tree, and how many stages its success chain has."""
    depth = 0
    while isinstance(tree, Mapping) and isinstance(tree.get("routingKey"), str):
        leaf = tree["routingKey"].strip().casefold()
        if leaf in {DONE_KEY, FAILED_KEY}:
            if depth:
                break
            return (Root.DONE if leaf == DONE_KEY else Root.FAILED), 0
        depth += 1
        tree = tree.get("successRoutingDecision")
    return (Root.STAGE, depth) if depth else (Root.ABSENT, 0)
