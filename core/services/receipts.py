"""Receipts: proof, for the student, of what was accepted from whom and when.

A receipt carries its own facts and their HMAC (RFC 2104, SHA-256), so that it can be checked without
the rows that it speaks of. It names the key that made it: after a rotation the earlier keys still
verify (`ULOS_OLD_SECRET_KEYS`) while only the present one signs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotAReceipt, NotFound
from core.services.submissions.reading import TaskSummary, find_task, get_task

_PREFIX = "ULOS1"
_LONGEST = 1_000
_LONGEST_TEXT = 10_000
_SHAPE = re.compile(r"ULOS1\.([0-9a-f]{8})\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Fault(StrEnum):
    """Why a text is no valid receipt."""

    NO_RECEIPT = "no_receipt"
    """There is nothing in it that looks like one."""
    UNKNOWN_KEY = "unknown_key"
    """It was made by another installation, or with a key that is no longer kept."""
    CHANGED = "changed"
    """It names a key of ours, and the code does not belong to what it says."""


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """What a receipt says: this content (SHA-256, hexadecimal) came from this student at this moment."""

    task_id: int
    student_id: int
    sha256: str
    at: datetime


def sign(ctx: Context, facts: ReceiptFacts) -> str:
    """The receipt of `facts`: `ULOS1.<key>.<facts>.<code>`, in characters that a URL can carry."""
    values = [facts.task_id, facts.student_id, facts.sha256, facts.at.astimezone(UTC).isoformat()]
    payload = _encode(json.dumps(values, separators=(",", ":")).encode())
    secret = ctx.settings.secret_key.get_secret_value()
    body = f"{_PREFIX}.{_key_id(secret)}.{payload}"
    return f"{body}.{_code(secret, body)}"


def verify(ctx: Context, receipt: str) -> ReceiptFacts:
    """What a receipt says, if it was made here.

    Raises:
        NotAReceipt: it was not, or was changed since, or its key is no longer kept.

    """
    body, _, code = receipt.strip()[:_LONGEST].rpartition(".")
    secrets = [ctx.settings.secret_key, *ctx.settings.old_secret_keys]
    for secret in (kept.get_secret_value() for kept in secrets):
        prefix = f"{_PREFIX}.{_key_id(secret)}."
        if body.startswith(prefix) and hmac.compare_digest(_code(secret, body).encode(), code.encode()):
            return _facts(body.removeprefix(prefix))
    raise NotAReceipt(field="receipt")


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check: the facts of a valid receipt, or what is wrong with it.

    `task` is the submission, for who may see it; `matches` whether its row says the same as the
    receipt (None where it cannot be told).
    """

    facts: ReceiptFacts | None
    fault: Fault | None
    task: TaskSummary | None = None
    matches: bool | None = None


def issue(ctx: Context, actor: Actor, task_id: int) -> str:
    """The receipt of a submission that `actor` may see; the same one each time.

    Raises:
        NotFound: there is none, or the actor may not know that it exists.

    """
    with ctx.db.transaction() as session:
        task, *_ = find_task(session, actor, task_id)
        facts = ReceiptFacts(task.id, task.created_by_id, task.original_sha256, task.creation_timestamp)
    return sign(ctx, facts)


def check(ctx: Context, actor: Actor, text: str) -> Checked:
    """Whether the receipt in `text`, bare or in the file that was downloaded, was made here.

    Raises:
        NotSignedIn: nobody is asking.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.CHECK_RECEIPT)
    found = _SHAPE.search(text[:_LONGEST_TEXT])
    if found is None:
        return Checked(None, Fault.NO_RECEIPT)
    try:
        facts = verify(ctx, found[0])
    except NotAReceipt:
        secrets = [ctx.settings.secret_key, *ctx.settings.old_secret_keys]
        known = {_key_id(kept.get_secret_value()) for kept in secrets}
        return Checked(None, Fault.CHANGED if found[1] in known else Fault.UNKNOWN_KEY)
    try:
        task = get_task(ctx, actor, facts.task_id, logs_limit=1)
    except NotFound:
        return Checked(facts, None)
    same = (task.sha256, task.summary.student_id, task.summary.created_at) == (
        facts.sha256,
        facts.student_id,
        facts.at,
    )
    return Checked(facts, None, task.summary, same)


def _facts(payload: str) -> ReceiptFacts:
    """The facts of a payload that was found to be ours."""
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    task_id, student_id, sha256, at = json.loads(raw)
    return ReceiptFacts(task_id, student_id, sha256, datetime.fromisoformat(at))


def _code(secret: str, body: str) -> str:
    return _encode(hmac.digest(_key(secret), body.encode(), hashlib.sha256))


def _key(secret: str) -> bytes:
    """A key for receipts alone, so that no other use of the secret can be made to sign one."""
    return hmac.digest(secret.encode(), b"receipts", hashlib.sha256)


def _key_id(secret: str) -> str:
    return hashlib.sha256(_key(secret)).hexdigest()[:8]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
