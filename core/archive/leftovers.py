"""Which files an operating system or a tool adds to an archive on its own.

The one list of the project. The demo's images carry a copy of this file, so it imports nothing but
the standard library.
"""

from pathlib import PurePath

_FOLDERS = frozenset(
    {"__macosx", ".git", ".svn", ".hg", ".trashes", ".spotlight-v100", ".fseventsd", "$recycle.bin"}
)
_FILES = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".directory"})
_APPLE_DOUBLE = "._"
"""Prefix of the files in which macOS keeps the attributes of another file."""


def is_leftover(path: PurePath | str) -> bool:
    """Return whether `path`, relative to the submission, is such a file or lies in such a folder."""
    parts = [part.casefold() for part in PurePath(path).parts]
    return bool(parts) and (
        parts[-1] in _FILES or any(part in _FOLDERS or part.startswith(_APPLE_DOUBLE) for part in parts)
    )
