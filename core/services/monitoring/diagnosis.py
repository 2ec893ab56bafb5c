"""Is it the queue, a node, the platform, the grader or the students' work? One answer, from the figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.services.monitoring.evidence import FEW, LARGE_SHARE, Evidence, is_mostly

LONG_WAIT_SECONDS = 600.0
"""A task that has waited longer than this is worth a word even when nodes work."""
MANY_CAUSES = 3
OTHERS_SHARE = 0.1
"""Where more than this share passes meanwhile, the grader works."""
VARIED_SHARE = 0.5
"""Where more than this share of the students fail in their own way, it is their work."""


class Answer(StrEnum):
    """Where the trouble is."""

    COMPONENT = "component"
    NOBODY_TAKES = "nobody_takes"
    NOT_PUBLISHED = "not_published"
    QUEUE = "queue"
    NODES = "nodes"
    PLATFORM = "platform"
    GRADER = "grader"
    STUDENTS = "students"
    UNKNOWN = "unknown"
    FILES = "files"
    ALERTS = "alerts"
    WELL = "well"


ABOUT_FAILURES = (Answer.NODES, Answer.PLATFORM, Answer.GRADER, Answer.STUDENTS, Answer.UNKNOWN)
"""Answers that follow from failures, so that they have evidence."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the answer is derived from. Ended, failed and crashed are tasks within the window.

    `failed` and `crashed`: without those that were handled. `evidence`: what is known of the failures.
    """

    waiting: int = 0
    running: int = 0
    oldest_waiting_seconds: float | None = None
    outbox: int = 0
    components_down: int = 0
    stalled_queues: int = 0
    ended: int = 0
    failed: int = 0
    crashed: int = 0
    evidence: Evidence = field(default_factory=Evidence)
    missing_files: int = 0
    open_incidents: int = 0


def diagnose(figures: Figures) -> Answer:
    """Return the first answer that holds, from what stops everything to what needs no one's attention."""
    waits_long = (figures.oldest_waiting_seconds or 0.0) > LONG_WAIT_SECONDS
    answers = (
        (Answer.COMPONENT, figures.components_down > 0),
        (Answer.NOBODY_TAKES, figures.waiting > 0 and figures.stalled_queues > 0),
        (Answer.NOT_PUBLISHED, waits_long and figures.outbox > 0 and figures.running == 0),
        (Answer.QUEUE, waits_long),
        (Answer.NODES, is_mostly(figures.crashed, figures.failed)),
    )
    first = next((answer for answer, holds in answers if holds), None)
    if first is not None:
        return first
    if is_mostly(figures.failed, figures.ended):
        return _whose(figures.evidence)
    if figures.missing_files > 0:
        return Answer.FILES
    return Answer.ALERTS if figures.open_incidents > 0 else Answer.WELL


def _whose(evidence: Evidence) -> Answer:
    """Return whose the failures seem to be; unknown where the outputs do not tell or disagree."""
    if evidence.of_platform > LARGE_SHARE * evidence.failures:
        return Answer.PLATFORM
    if evidence.untold > LARGE_SHARE * evidence.failures:
        return Answer.UNKNOWN
    others_pass = evidence.passed_since > OTHERS_SHARE * evidence.ended_since
    if evidence.largest > LARGE_SHARE * evidence.failures and evidence.students >= FEW:
        return _whose_is_largest(evidence, others_pass=others_pass)
    if others_pass or (evidence.causes >= MANY_CAUSES and not _worked_before(evidence)):
        return Answer.STUDENTS
    return Answer.UNKNOWN


def _whose_is_largest(evidence: Evidence, *, others_pass: bool) -> Answer:
    """Return whose the one cause of most failures seems to be."""
    if evidence.is_container and not others_pass:
        return Answer.GRADER
    if evidence.texts > VARIED_SHARE * evidence.students_read:
        return Answer.STUDENTS
    if not others_pass:
        return Answer.GRADER
    return Answer.UNKNOWN if _worked_for_them(evidence) else Answer.STUDENTS


def _worked_before(evidence: Evidence) -> bool:
    """Return whether most passed with this definition before, or most of these students passed earlier."""
    before = evidence.ended_before >= FEW and evidence.passed_before > LARGE_SHARE * evidence.ended_before
    return before or _worked_for_them(evidence)


def _worked_for_them(evidence: Evidence) -> bool:
    return evidence.passed_earlier > LARGE_SHARE * max(1, evidence.students_read)
