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
from dataclasses import dataclass
from datetime import UTC, datetime

from core.context import Context
from core.errors import NotAReceipt

_PREFIX = "ULOS1"
_LONGEST = 1_000


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
