"""What is kept of a password, and of values that only their owner may know."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from functools import cache
from pathlib import Path

import bcrypt
from precis_i18n import get_profile

from core.errors import WeakPassword

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 72
"""Bytes; bcrypt reads no more."""

COST = 10
"""bcrypt's work factor, 2^10 rounds: a twentieth of a second, so that a lecture hall signs in within
seconds on two processors. It is the least that OWASP asks for; twelve characters do the rest."""

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


class Match(Enum):
    """How a password relates to a hash."""

    NONE = auto()
    NORMALIZED = auto()
    OLD_FORM = auto()
    """As it was typed, from before passwords were normalized: the hash is to be renewed."""


def normalize_password(password: str) -> str:
    """Return `password` in the one form in which it is compared (OpaqueString, RFC 8265).

    Composed and decomposed letters are the same, and so are all spaces; those around it do not
    count: the sign-in form's package takes them away.

    Raises:
        ValueError: it is empty or has control characters, which no password may have.

    """
    return get_profile("OpaqueString").enforce(password.strip())


def hash_password(password: str) -> str:
    """Return what is kept of a password: bcrypt, as `streamlit_authenticator.Hasher` makes and reads it."""
    raw = normalize_password(password).encode()
    return _hashers().submit(lambda: bcrypt.hashpw(raw, bcrypt.gensalt(COST)).decode()).result()


def match_password(password: str, password_hash: str) -> Match:
    """Compare `password` with a hash, in its normalized form first, then as it was typed."""
    typed = password.strip()
    try:
        normalized = normalize_password(typed)
    except ValueError:
        normalized = typed
    if _is_hash_of(normalized, password_hash):
        return Match.NORMALIZED
    if normalized != typed and _is_hash_of(typed, password_hash):
        return Match.OLD_FORM
    return Match.NONE


def check_password(password: str, password_hash: str) -> bool:
    """Return whether `password` is the one that was hashed."""
    return match_password(password, password_hash) is not Match.NONE


def _is_hash_of(text: str, password_hash: str) -> bool:
    raw = text.encode("utf-8", "surrogatepass")
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
    try:
        password = normalize_password(password)
    except ValueError:
        password = ""
    if len(password) < SHORTEST_PASSWORD or len(password.encode()) > LONGEST_PASSWORD:
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
