"""What every expected error has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar


class UlosError(Exception):
    """Base of all expected errors.

    `texts` maps a language to a sentence with `{placeholders}`; the keyword arguments of
    the constructor fill them.
    """

    texts: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **values: object) -> None:
        self.values = values
        super().__init__(self.sentence("en"))

    def __reduce__(self) -> tuple[partial[UlosError], tuple[()]]:
        """Made again from its values: an exception's own way would hand over the sentence."""
        return partial(type(self), **self.values), ()

    def sentence(self, language: str, quote: Callable[[str], str] = str) -> str:
        """Return what happened and what to do, in `language` (`es` or `en`; English when unknown).

        `quote` makes the values safe for where the sentence is shown.
        """
        shown = {
            name: quote(", ".join(value) if isinstance(value, tuple) else str(value))
            for name, value in self.values.items()
        }
        return self.texts.get(language, self.texts["en"]).format(**shown)


class Rejected(UlosError):
    """The person who asked can mend it."""


class Unavailable(UlosError):
    """A system that we depend on is down. The same request may succeed later."""
