"""One trouble is announced once, and its sentence does not contradict itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from core.services.alerts import Incident
from core.vocabulary import AlertKind
from dashboard.monitoring.alerts import once

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
OF_COURSE = Incident(
    id=1,
    kind=AlertKind.FAILURES,
    course_id=7,
    course_name="Robotics",
    subject="",
    opened_at=AT,
    closed_at=None,
    calm_since=None,
    value=58.0,
    worst=61.0,
    threshold=44.0,
    acknowledged_at=None,
    acknowledged_by=None,
    note="",
)
OF_WHOLE = replace(OF_COURSE, id=2, course_id=None, course_name=None)


def test_what_a_course_has_is_not_said_again_of_the_whole() -> None:
    other = replace(OF_WHOLE, id=3, kind=AlertKind.DISK)

    assert once([OF_WHOLE, OF_COURSE, other]) == [OF_COURSE, other]
    assert once([OF_WHOLE]) == [OF_WHOLE]


def test_a_value_within_its_limit_is_not_said_to_be_beyond_it() -> None:
    back_within = replace(OF_COURSE, value=37.0)

    assert "58 %" in OF_COURSE.sentence("es")
    assert "61 %" in back_within.sentence("es")
    assert "37 %" not in back_within.sentence("es")


def test_free_space_is_beyond_its_limit_below_it() -> None:
    disk = replace(OF_WHOLE, kind=AlertKind.DISK, value=4.0, worst=3.0, threshold=10.0)

    assert "4 %" in disk.sentence("es")
    assert "3 %" in replace(disk, value=12.0).sentence("es")
