"""Where the FTP server is, and which paths on it can be ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from core.errors import BadName

Tls = Literal["auto", "require", "off"]

_PATH = re.compile(r"[A-Za-z0-9._/-]+")
_DEFAULT_PORT = 21
_TLS: dict[str, Tls] = {"auto": "auto", "require": "require", "off": "off"}


@dataclass(frozen=True, slots=True)
class FtpAddress:
    """`ftp://user:password@host:port/base?tls=auto`, taken apart."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    base: str
    """Absolute folder on the server that all our paths start with, without a slash at the end."""
    tls: Tls = "auto"
    """auto: explicit TLS where the server offers it, with any certificate (nobody reads along);
    require: only with a certificate that is valid for `host` (nobody pretends to be the server);
    off: never."""

    @classmethod
    def from_url(cls, url: str) -> FtpAddress:
        """The address that `url` spells; user and password may be percent-encoded.

        Raises:
            ValueError: it is not such a URL. The text does not repeat it, for it holds a password.

        """
        parts = urlsplit(url)
        if parts.scheme != "ftp" or not parts.hostname:
            raise ValueError("ULOS_FTP_URL is not of the form ftp://user:password@host:port/base")
        base = parts.path.rstrip("/")
        if base and not _is_plain(base):
            raise ValueError("the folder in ULOS_FTP_URL may only contain A-Z a-z 0-9 . _ / -")
        asked = parse_qs(parts.query).get("tls", ["auto"])[-1]
        if asked not in _TLS:
            raise ValueError("tls in ULOS_FTP_URL is one of auto, require, off")
        return cls(
            host=parts.hostname,
            port=parts.port or _DEFAULT_PORT,
            user=unquote(parts.username or "anonymous"),
            password=unquote(parts.password or ""),
            base=base,
            tls=_TLS[asked],
        )

    def path(self, *parts: str) -> str:
        """`base` and `parts` as one absolute path.

        Raises:
            BadName: a part is empty, absolute, has `..` or characters that the orchestrator cannot carry.

        """
        for part in parts:
            if not _is_plain(part) or part.startswith("/"):
                raise BadName(field="path", value=part)
        return check_path("/".join((self.base, *parts)))


def check_path(path: str) -> str:
    """`path`, once it is one that may be sent to the server (contract, section 2).

    Raises:
        BadName: it is not absolute, has `..` or other characters than `[A-Za-z0-9._/-]`.

    """
    if not path.startswith("/") or not _is_plain(path):
        raise BadName(field="path", value=path)
    return path


def _is_plain(path: str) -> bool:
    return bool(_PATH.fullmatch(path)) and ".." not in path.split("/")
