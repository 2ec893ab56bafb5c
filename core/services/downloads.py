"""Files on their way out to a person."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Download:
    """A file that somebody may have: what to call it, and how to read it.

    `size` in bytes; None where it is not known. `open_at` answers the bytes from an offset on, in
    pieces: the file is open when it returns, so a missing one raises there and then. `fingerprint`
    is the same only as long as every byte is; empty where that cannot be promised.
    """

    filename: str
    size: int | None
    open_at: Callable[[int], Generator[bytes, None, None]]
    fingerprint: str = ""

    @property
    def pieces(self) -> Generator[bytes, None, None]:
        """All of it, from the start.

        Raises:
            NotFound: the file is gone.
            StorageUnavailable: the file server does not answer.

        """
        return self.open_at(0)
