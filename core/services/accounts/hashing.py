"""What is kept of a password, and of values that only their owner may know."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import bcrypt

from core.errors import WeakPassword

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 72
"""Bytes; bcrypt reads no more."""

COST = 11
"""bcrypt's work factor, 2^11 rounds: a tenth to a fifth of a second. OWASP asks for at least 10."""

FEWEST_GUESSES = 1e10
"""Guesses that a password must be worth: from here on zxcvbn calls one very unguessable."""

_NICENESS = 10
"""Hashing steps back behind whatever else wants the processor."""

_WORDS = tuple(
    word
    for name in ("common_passwords.txt", "common_words.txt")
    for word in (Path(__file__).parent / name).read_text(encoding="utf-8").split()
)
"""Common here, in the language and the places of our people; zxcvbn brings thirty thousand in English."""


def hash_password(password: str) -> str:
    """What is kept of a password: bcrypt, as `streamlit_authenticator.Hasher` makes and reads it."""
    raw = password.strip().encode()
    return _hashers().submit(lambda: bcrypt.hashpw(raw, bcrypt.gensalt(COST)).decode()).result()


def check_password(password: str, password_hash: str) -> bool:
    """Whether `password` is the one that was hashed.

    Spaces around it do not count: the sign-in form's package takes them away.
    """
    raw = password.strip().encode()
    fits = len(raw) <= LONGEST_PASSWORD and b"\0" not in raw
    asked = raw if fits else b"too long"
    matches = _hashers().submit(lambda: bcrypt.checkpw(asked, password_hash.encode())).result()
    return fits and matches


@cache
def _hashers() -> ThreadPoolExecutor:
    """As many threads as processors. bcrypt lets the interpreter go on meanwhile."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hashing", initializer=_step_back)


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own to give up
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def check_new_password(password: str, email: str, full_name: str = "") -> None:
    """Let only passwords pass that are long enough and not among the first to be tried.

    What would be tried first is estimated by zxcvbn (Wheeler, USENIX Security 2016): common
    passwords, words and names, the person's own, with digits, years, rows of keys and repetition.

    Raises:
        WeakPassword: it is too short, too long, or too easy to guess.

    """
    password = password.strip()
    length = len(password.encode())
    if len(password) < SHORTEST_PASSWORD or length > LONGEST_PASSWORD or "\0" in password:
        raise WeakPassword(field="password", low=SHORTEST_PASSWORD, high=LONGEST_PASSWORD)
    if _guesses(password, email, full_name) < FEWEST_GUESSES:
        raise WeakPassword(field="password", low=SHORTEST_PASSWORD, high=LONGEST_PASSWORD)


def _guesses(password: str, email: str, full_name: str) -> float:
    from zxcvbn import zxcvbn  # noqa: PLC0415  a tenth of a second and 10 MB for what few requests need

    local, _, domain = email.partition("@")
    own = [email, local, *local.replace(".", " ").replace("-", " ").split(), *domain.split(".")]
    return float(zxcvbn(password, user_inputs=[*own, *full_name.split(), *_WORDS])["guesses"])


@cache
def nobodys_hash() -> str:
    """A hash that no password matches, so that unknown people cost the same work as known ones."""
    return hash_password(secrets.token_hex(16))


def digest(value: str) -> bytes:
    """What is kept of a random value of 256 bits; those need no slow hash."""
    return hashlib.sha256(value.encode()).digest()
