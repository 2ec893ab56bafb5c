"""What is kept of a password, and of values that only their owner may know."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from pathlib import Path

import bcrypt

from core.errors import WeakPassword

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 72
"""Bytes; bcrypt reads no more."""

FEWEST_CHARACTERS = 5
"""Different ones; fewer are a pattern such as `abababababab`."""

_COMMON = frozenset((Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").split())
"""The commonest ones that are long enough to pass otherwise."""


def hash_password(password: str) -> str:
    """What is kept of a password: bcrypt, as `streamlit_authenticator.Hasher` makes and reads it."""
    return bcrypt.hashpw(password.strip().encode(), bcrypt.gensalt()).decode()


def check_password(password: str, password_hash: str) -> bool:
    """Whether `password` is the one that was hashed.

    Spaces around it do not count: the sign-in form's package takes them away.
    """
    raw = password.strip().encode()
    return len(raw) <= LONGEST_PASSWORD and bcrypt.checkpw(raw, password_hash.encode())


def check_new_password(password: str, email: str) -> None:
    """Let only passwords pass that are long enough and not the first to be tried.

    Raises:
        WeakPassword: it is too short, too long, a pattern, common, or the person's own address.

    """
    password = password.strip()
    plain = password.lower()
    own = {email, email.partition("@")[0]}
    guessable = plain in _COMMON or len(set(plain)) < FEWEST_CHARACTERS or plain.strip("0123456789!.") in own
    if len(password) < SHORTEST_PASSWORD or len(password.encode()) > LONGEST_PASSWORD or guessable:
        raise WeakPassword(low=SHORTEST_PASSWORD, high=LONGEST_PASSWORD)


@cache
def nobodys_hash() -> str:
    """A hash that no password matches, so that unknown people cost the same work as known ones."""
    return hash_password(secrets.token_hex(16))


def digest(value: str) -> bytes:
    """What is kept of a random value of 256 bits; those need no slow hash."""
    return hashlib.sha256(value.encode()).digest()
