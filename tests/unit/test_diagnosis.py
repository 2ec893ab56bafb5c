"""The figures tell whether it is the queue, the nodes, the platform, the grader or the students' work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.services.monitoring import Answer, Evidence, Figures, diagnose

ONE_CAUSE = Evidence(failures=30, causes=2, largest=20, students=15, read=20, students_read=15, texts=1)
"""Most fail with the very same text, and no one else passes."""

MANY_CAUSES = Evidence(failures=30, causes=9, largest=4, students=4, read=4, students_read=4, texts=4)


@pytest.mark.parametrize(
    ("figures", "answer"),
    [
        (Figures(), Answer.WELL),
        (Figures(waiting=9, running=2, oldest_waiting_seconds=30.0, ended=100, failed=20), Answer.WELL),
        (Figures(components_down=1, waiting=3, stalled_queues=1), Answer.COMPONENT),
        (Figures(waiting=3, stalled_queues=1, oldest_waiting_seconds=30.0), Answer.NOBODY_TAKES),
        (Figures(waiting=3, outbox=3, oldest_waiting_seconds=601.0), Answer.NOT_PUBLISHED),
        (Figures(waiting=80, running=2, oldest_waiting_seconds=601.0), Answer.QUEUE),
        (Figures(ended=40, failed=10, crashed=6), Answer.NODES),
        (Figures(ended=4, failed=4, evidence=ONE_CAUSE), Answer.WELL),
        (Figures(missing_files=1, open_incidents=1), Answer.FILES),
        (Figures(open_incidents=1), Answer.ALERTS),
        (Figures(ended=40, failed=30, missing_files=1, evidence=MANY_CAUSES), Answer.STUDENTS),
    ],
)
def test_the_answer_follows_from_the_figures(figures: Figures, answer: Answer) -> None:
    assert diagnose(figures) is answer


@pytest.mark.parametrize(
    ("evidence", "answer"),
    [
        (ONE_CAUSE, Answer.GRADER),
        (replace(ONE_CAUSE, texts=14), Answer.STUDENTS),
        (replace(ONE_CAUSE, passed_since=9, ended_since=30), Answer.STUDENTS),
        (replace(ONE_CAUSE, passed_since=1, ended_since=30), Answer.GRADER),
        (replace(ONE_CAUSE, passed_since=9, ended_since=30, passed_earlier=14), Answer.UNKNOWN),
        (replace(ONE_CAUSE, texts=14, is_container=True), Answer.GRADER),
        (replace(ONE_CAUSE, students=2, students_read=2), Answer.UNKNOWN),
        (replace(ONE_CAUSE, of_platform=20), Answer.PLATFORM),
        (replace(ONE_CAUSE, untold=20), Answer.UNKNOWN),
        (MANY_CAUSES, Answer.STUDENTS),
        (replace(MANY_CAUSES, causes=2), Answer.UNKNOWN),
        (replace(MANY_CAUSES, causes=2, passed_since=9, ended_since=30), Answer.STUDENTS),
        (replace(MANY_CAUSES, ended_before=40, passed_before=35), Answer.UNKNOWN),
        (
            replace(MANY_CAUSES, ended_before=40, passed_before=35, passed_since=5, ended_since=35),
            Answer.STUDENTS,
        ),
    ],
)
def test_whose_the_failures_are_follows_from_the_evidence(evidence: Evidence, answer: Answer) -> None:
    assert diagnose(Figures(ended=40, failed=30, evidence=evidence)) is answer
