"""E-mail addresses: as people and lists write them, and as they are kept."""

from __future__ import annotations

import re
import unicodedata

from core.context import Context
from core.errors import BadEmail, EmailNotAllowed

LONGEST_EMAIL = 254
"""Characters (RFC 5321, section 4.5.3.1.3, less the brackets)."""

_LONGEST_SHOWN = 80
_ADDRESS = re.compile(
    r"(?!.*\.\.)[a-z0-9_](?:[a-z0-9._%+'-]*[a-z0-9_+'-])?"
    r"@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
)
"""What mail servers here hand out: ASCII, no quoting, no comments (a part of RFC 5322's addresses)."""


def clean_email(text: str) -> str:
    """`text` as it is kept: lower case, without what copying leaves around it (spaces, `mailto:`, `<>`).

    Raises:
        BadEmail: no address is left.

    """
    plain = unicodedata.normalize("NFKC", text)
    visible = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    email = visible.strip().lower().removeprefix("mailto:").strip("<> \t\r\n;,")
    if len(email) > LONGEST_EMAIL or not _ADDRESS.fullmatch(email):
        shown = "".join(char if char.isprintable() else " " for char in text).strip()
        raise BadEmail(field="email", value=shown[:_LONGEST_SHOWN])
    return email


def check_domain(ctx: Context, email: str) -> None:
    """Let only addresses pass for which accounts may be made.

    Raises:
        EmailNotAllowed: it is of another domain.

    """
    allowed = ctx.settings.allowed_email_domains
    if email.rpartition("@")[2] not in allowed:
        raise EmailNotAllowed(field="email", domains=", ".join(allowed))
