"""Guess the encoding of text whose file does not name it."""

from __future__ import annotations

from collections.abc import Sequence

_SPANISH = frozenset("áéíóúüñÁÉÍÓÚÜÑ")


def guess(raw: bytes, encodings: Sequence[str]) -> str:
    """Return `raw` decoded with the one of `encodings` that yields the most Spanish letters.

    The first one wins a tie. Bytes that it does not define become U+FFFD.
    """
    texts = [raw.decode(encoding, "replace") for encoding in encodings]
    return max(texts, key=lambda text: sum(character in _SPANISH for character in text))
