"""How much one archive may ask of us."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import ArchiveBomb


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of an archive; together they bound the time and memory of a check, too."""

    entries: int = 20_000
    """Files and folders. A project with its node_modules has some 10,000."""
    unpacked_bytes: int = 1_000_000_000
    """Sum of all entries, those of archives within the archive included: read in about 3 s."""
    ratio: int = 200
    """Unpacked to packed size. Source text and G-code reach 20, logs 50; deflate ends at 1,032."""
    ratio_free_bytes: int = 50_000_000
    """Up to here any ratio will do: a small file of zeros harms nobody."""
    nesting: int = 3
    """Archives within archives: a fat jar in a submission needs two, a quine has no end."""
    nested_entries: int = 100_000
    """Entries of all archives within the archive: jars have thousands each."""
    directory_bytes: int = 8_000_000
    """Size of the central directory, which is held in memory: 400 bytes for each entry."""
    path_bytes: int = 1024
    """Length of a name with its folders: 4,096 is the limit of Linux, our own folders come before."""
    name_bytes: int = 255
    """Length of one part of a name: the limit of the usual file systems."""
    levels: int = 64
    """Folders within folders."""


DEFAULTS = Limits()


class Budget:
    """What is left of `limits` while an archive and those within it are read."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._bytes = limits.unpacked_bytes
        self._nested_entries = limits.nested_entries

    def spend_bytes(self, count: int) -> None:
        """Count `count` unpacked bytes.

        Raises:
            ArchiveBomb: the limit is passed.

        """
        self._bytes -= count
        if self._bytes < 0:
            raise bomb(self.limits)

    def spend_nested_entries(self, count: int) -> None:
        """Count `count` entries of an archive within the archive.

        Raises:
            ArchiveBomb: the limit is passed.

        """
        self._nested_entries -= count
        if self._nested_entries < 0:
            raise bomb(self.limits)


def bomb(limits: Limits) -> ArchiveBomb:
    """The error that tells the limits."""
    return ArchiveBomb(limit_mb=limits.unpacked_bytes // 1_000_000, limit_files=limits.entries)
