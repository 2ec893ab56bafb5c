"""What a report of the orchestrator means: routing key × root of the tree × text → meaning.

The facts are those of the contract, section 2. The table is the only place that holds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum, auto
from types import MappingProxyType

from core.wire.names import CRASHED_KEY, DONE_KEY, FAILED_KEY, LOG_KEY


class Root(StrEnum):
    """What stands at the root of a report's routing tree."""

    STAGE = auto()
    """A stage; which one is known by the depth of the success chain."""
    DONE = auto()
    FAILED = auto()
    ABSENT = auto()


class Text(StrEnum):
    """The texts that the orchestrator writes, in the order of a healthy stage, then those of a crash."""

    RECEIVED = auto()
    DOWNLOADED = auto()
    PASSED = auto()
    NOT_PASSED = auto()
    UPLOADED = auto()
    SENT = auto()
    ACKNOWLEDGED = auto()
    EXECUTION_FAILED = auto()
    DOWNLOAD_FAILED = auto()
    UPLOAD_FAILED = auto()
    CRASHED = auto()
    REJECTED = auto()
    OTHER = auto()
    """Anything else, or no text at all."""

    @property
    def is_bad_news(self) -> bool:
        """Whether a reader should see the line as an error."""
        return self in _BAD_NEWS


_BAD_NEWS = frozenset(
    {
        Text.NOT_PASSED,
        Text.EXECUTION_FAILED,
        Text.DOWNLOAD_FAILED,
        Text.UPLOAD_FAILED,
        Text.CRASHED,
        Text.REJECTED,
    }
)


class Meaning(StrEnum):
    """What a report says about its task. The *root stage* is the stage at the root of the tree."""

    LINE = auto()
    """Nothing but a line for the log."""
    TAKEN = auto()
    """A node took the task for the root stage; a second time is a new run."""
    AT_WORK = auto()
    """A node is at work on the root stage."""
    PASSED = auto()
    """The verdict on the root stage: it passed. Final only when its files are up."""
    NOT_PASSED = auto()
    """The verdict on the root stage: it failed. Final only when its files are up."""
    HANDED_ON = auto()
    """The stages before the root stage are complete; that one waits."""
    VERDICT_STANDS = auto()
    """The files are up: the verdict that was recorded is final."""
    ALL_COMPLETED = auto()
    """Every stage is complete."""
    STAGE_FAILED = auto()
    """The first stage that is not complete has failed."""
    CRASH = auto()
    """A stage crashed: the root stage, or after a verdict the one before."""


_AFTER_VERDICT = (Text.UPLOADED, Text.SENT, Text.ACKNOWLEDGED)

MEANINGS: Mapping[tuple[str, Root, Text], Meaning] = MappingProxyType(
    {
        (LOG_KEY, Root.STAGE, Text.RECEIVED): Meaning.TAKEN,
        (LOG_KEY, Root.STAGE, Text.DOWNLOADED): Meaning.AT_WORK,
        (LOG_KEY, Root.STAGE, Text.PASSED): Meaning.PASSED,
        (LOG_KEY, Root.STAGE, Text.NOT_PASSED): Meaning.NOT_PASSED,
        # These two come from the root stage itself. The other texts of a crash may come from the
        # stage before, so they say nothing about where the task stands.
        (LOG_KEY, Root.STAGE, Text.EXECUTION_FAILED): Meaning.AT_WORK,
        (LOG_KEY, Root.STAGE, Text.DOWNLOAD_FAILED): Meaning.AT_WORK,
        # After a verdict the tree is already the next decision.
        **{(LOG_KEY, Root.STAGE, text): Meaning.HANDED_ON for text in _AFTER_VERDICT},
        **{(LOG_KEY, Root.DONE, text): Meaning.ALL_COMPLETED for text in _AFTER_VERDICT},
        **{(LOG_KEY, Root.FAILED, text): Meaning.STAGE_FAILED for text in _AFTER_VERDICT},
        **{(LOG_KEY, Root.ABSENT, text): Meaning.VERDICT_STANDS for text in _AFTER_VERDICT},
        # A crash, the end and a failure are known by their keys, whatever text they carry.
        **{(CRASHED_KEY, root, text): Meaning.CRASH for root in Root for text in Text},
        **{(DONE_KEY, root, text): Meaning.ALL_COMPLETED for root in Root for text in Text},
        **{(FAILED_KEY, root, text): Meaning.STAGE_FAILED for root in Root for text in Text},
    }
)
"""The whole decision. What is not in it is a `LINE`."""

_PATTERNS = (
    (Text.RECEIVED, r"task received for processing"),
    (Text.DOWNLOADED, r"task files do(wn|nw)loaded for processing"),
    (Text.PASSED, r"task processing completed successfully"),
    (Text.NOT_PASSED, r"task processing completed unsuccessfully"),
    (Text.UPLOADED, r"task execution files uploaded"),
    (Text.SENT, r"task sent for next processing stage"),
    (Text.ACKNOWLEDGED, r"task acknowledged to message broker"),
    (Text.REJECTED, r"task rejected to message broker"),
    (Text.EXECUTION_FAILED, r"task execution failed with reason\b.*"),
    (Text.DOWNLOAD_FAILED, r"task files do(wn|nw)load failed with reason\b.*"),
    (Text.UPLOAD_FAILED, r"task files upload failed with reason\b.*"),
    (Text.CRASHED, r"task crashed with reason\b.*"),
)
_COMPILED = tuple((text, re.compile(pattern, re.DOTALL)) for text, pattern in _PATTERNS)
_LONGEST_START = 120
"""Characters that are looked at; every text is told by its beginning."""


def recognise(message: str | None) -> Text:
    """Which of the orchestrator's texts `message` is, whatever its case and spacing."""
    if not message:
        return Text.OTHER
    start = " ".join(message[:_LONGEST_START].split()).casefold().rstrip(". ")
    for text, pattern in _COMPILED:
        if pattern.fullmatch(start):
            return text
    return Text.OTHER


def meaning_of(key: str, root: Root, text: Text) -> Meaning:
    """What a report under `key` with this root and text says."""
    return MEANINGS.get((key, root, text), Meaning.LINE)
