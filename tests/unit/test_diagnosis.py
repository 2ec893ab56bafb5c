"""The figures tell whether it is the queue, the nodes, the grader or the students' work."""

from __future__ import annotations

import pytest

from core.services.monitoring.diagnosis import Answer, Figures, diagnose


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
        (Figures(ended=40, failed=30, largest_cause=20, largest_students=15), Answer.GRADER),
        (Figures(ended=40, failed=30, largest_cause=20, largest_students=2), Answer.STUDENTS),
        (Figures(ended=40, failed=30, largest_cause=4, largest_students=4), Answer.STUDENTS),
        (Figures(ended=4, failed=4, largest_cause=4, largest_students=4), Answer.WELL),
        (Figures(missing_files=1, open_incidents=1), Answer.FILES),
        (Figures(open_incidents=1), Answer.ALERTS),
        (Figures(ended=40, failed=30, missing_files=1), Answer.STUDENTS),
    ],
)
def test_the_answer_follows_from_the_figures(figures: Figures, answer: Answer) -> None:
    assert diagnose(figures) is answer
