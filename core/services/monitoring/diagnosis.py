"""Is it the queue, the nodes, the grader or the students' work? One answer, derived from the figures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LONG_WAIT_SECONDS = 600.0
"""A task that has waited longer than this is worth a word even when nodes work."""
FEW = 5
"""With fewer failures than this nothing is said about their cause."""
LARGE_SHARE = 0.5


class Answer(StrEnum):
    """Where the trouble is."""

    COMPONENT = "component"
    NOBODY_TAKES = "nobody_takes"
    NOT_PUBLISHED = "not_published"
    QUEUE = "queue"
    NODES = "nodes"
    GRADER = "grader"
    STUDENTS = "students"
    FILES = "files"
    ALERTS = "alerts"
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the answer is derived from. Ended, failed and crashed are tasks within the window.

    `largest_cause` of the failures say the same, and came from `largest_students` students.
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
    largest_cause: int = 0
    largest_students: int = 0
    missing_files: int = 0
    open_incidents: int = 0


def diagnose(figures: Figures) -> Answer:
    """The first answer that holds, from what stops everything to what is nobody's fault."""
    waits_long = (figures.oldest_waiting_seconds or 0.0) > LONG_WAIT_SECONDS
    fails_much = figures.failed >= FEW and figures.failed > LARGE_SHARE * figures.ended
    same_cause = figures.largest_cause > LARGE_SHARE * figures.failed and figures.largest_students >= FEW
    answers = (
        (Answer.COMPONENT, figures.components_down > 0),
        (Answer.NOBODY_TAKES, figures.waiting > 0 and figures.stalled_queues > 0),
        (Answer.NOT_PUBLISHED, waits_long and figures.outbox > 0 and figures.running == 0),
        (Answer.QUEUE, waits_long),
        (Answer.NODES, figures.crashed >= FEW and figures.crashed > LARGE_SHARE * figures.failed),
        (Answer.GRADER, fails_much and same_cause),
        (Answer.STUDENTS, fails_much),
        (Answer.FILES, figures.missing_files > 0),
        (Answer.ALERTS, figures.open_incidents > 0),
    )
    return next((answer for answer, holds in answers if holds), Answer.WELL)
