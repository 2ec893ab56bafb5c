"""What a format's reader finds in an output."""

from __future__ import annotations

from dataclasses import dataclass

LINE_LIMIT = 500
"""Characters of a line that are looked at: it bounds what any pattern can cost."""


@dataclass(frozen=True, slots=True)
class Found:
    """An error. `message` is what was said; the rest is known of some formats only.

    `statement`: the source of the assertion. `place`: file and line, as `file:line`.
    """

    message: str
    test: str = ""
    statement: str = ""
    place: str = ""
    is_assertion: bool = False
