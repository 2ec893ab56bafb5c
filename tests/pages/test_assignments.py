"""Professors open, change, duplicate, extend and remove assignments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from core.context import PLATFORM, Context
from core.services import assignments, courses, submissions
from core.services.assignments import AssignmentRules
from core.vocabulary import LatePolicy, Role
from dashboard import i18n
from dashboard.assignments import rules
from tests import builders
from tests.page_visits import Visit, errors_shown, visitor


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


@pytest.fixture
def visit_page(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Visit:
    return visitor(ctx, monkeypatch)


def press(app: AppTest, label: str) -> AppTest:
    app = next(button for button in app.button if button.label == label).click().run()
    assert list(app.exception) == []
    return app


def field(app: AppTest, label: str) -> Any:
    fields = (*app.text_input, *app.text_area, *app.number_input, *app.selectbox, *app.multiselect)
    return next(one for one in fields if one.label == label)


def names(ctx: Context, world: builders.World) -> list[str]:
    found = assignments.list_assignments(ctx, world.professor, world.course_id)
    return sorted(view.assignment_name for view in found)


def test_an_assignment_is_opened_with_its_rules(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    app = press(visit_page(world.professor, "assignments"), "+ New assignment")
    field(app, "Name").input("Print a ball")
    field(app, "Minutes of grace").set_value(15)
    field(app, "Late work").set_value(LatePolicy.MARK)
    field(app, "Submissions per student (0: no limit)").set_value(3)
    field(app, "Required files, one per line").input("main.gcode\n\nREADME.md")
    field(app, "Statement (Markdown)").input("A **round** one")
    app = app.run()
    seen = "\n".join(one.value for one in app.markdown)
    assert "There are 15 minutes of grace after that" in seen
    assert "What comes later is accepted and marked as late." in seen
    assert "You have 3 of 3 submissions left." in seen
    assert r"The archive must hold: main\.gcode, README\.md." in seen
    app = press(app, "Save")

    assert names(ctx, world) == ["Print a ball", "Print a cube"]
    found = assignments.list_assignments(ctx, world.professor, world.course_id)
    made = next(view for view in found if view.assignment_name == "Print a ball")
    assert made.rules == AssignmentRules(15, LatePolicy.MARK, 3, 0, ("main.gcode", "README.md"))
    assert made.assignment_description == "A **round** one"


def test_what_was_typed_stays_when_something_is_wrong_with_it(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    app = press(visit_page(world.professor, "assignments"), "+ New assignment")
    field(app, "Statement (Markdown)").input("kept")
    app = press(app.run(), "Save")

    assert [error.value for error in app.error] == ["Name is missing. Fill it in and try again."]
    assert field(app, "Statement (Markdown)").value == "kept"
    assert names(ctx, world) == ["Print a cube"]


def test_an_edit_keeps_the_exact_moments_and_says_why_the_definition_is_fixed(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    builders.submit(ctx, world)
    before = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    app = press(visit_page(world.professor, "assignments"), "Edit")
    assert field(app, "Task definition").disabled
    assert any("one submission was processed by it" in caption.value for caption in app.caption)
    field(app, "Name").input("Print two cubes")

    press(app.run(), "Save")

    after = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    assert after == replace(before, assignment_name="Print two cubes")


def test_an_assignment_is_duplicated_to_another_course(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    other = courses.create_course(ctx, PLATFORM, name="Mechanics")
    courses.enrol(ctx, PLATFORM, other, world.professor.user_id or 0, Role.PROFESSOR)
    app = visit_page(world.professor, "assignments")
    field(app, "Course").set_value(world.course_id)
    app = press(app.run(), "Duplicate")
    target = next(box for box in app.selectbox if (box.key or "").startswith("assignment-course"))
    target.set_value(other)

    press(app.run(), "Save")

    [copied] = assignments.list_assignments(ctx, world.professor, other)
    assert copied.assignment_name == "Print a cube (copy)"
    assert names(ctx, world) == ["Print a cube"]


def test_an_assignment_with_submissions_goes_only_when_their_number_was_typed(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    builders.submit(ctx, world)
    app = visit_page(world.professor, "assignments")
    button = next(one for one in app.button if one.label == "Delete for good")
    assert button.disabled
    assert "goes one submission" in app.warning[0].value

    field(app, "Type the number of submissions to confirm").input("1")
    press(app.run(), "Delete for good")

    assert names(ctx, world) == []


def test_an_extension_is_granted_to_a_pasted_list_and_withdrawn(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    builders.classmates(ctx, world, 2)
    app = press(visit_page(world.professor, "assignments"), "Extensions")
    field(app, "Or paste e-mails, one per line").input("nobody@uniandes.edu.co")
    app = press(app, "Grant")
    assert "Students “nobody@uniandes.edu.co” is not on offer" in errors_shown(app)[0]

    field(app, "Or paste e-mails, one per line").input("student@uniandes.edu.co\nClassmate0@uniandes.edu.co")
    app = press(app, "Grant")

    found = assignments.list_extensions(ctx, world.professor, world.assignment_id)
    assert [one.student_email.split("@")[0] for one in found] == ["classmate0", "student"]
    press(app, "Withdraw")
    assert len(assignments.list_extensions(ctx, world.professor, world.assignment_id)) == 1


def test_a_monitor_reads_and_changes_nothing(world: builders.World, visit_page: Visit) -> None:
    app = visit_page(world.monitor, "assignments")

    assert {button.label for button in app.button} == {"Sign out"}


def test_a_student_reads_the_rules_that_hold_for_them(
    ctx: Context, world: builders.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "en")
    admission = replace(
        submissions.get_admission(ctx, world.student, world.assignment_id),
        grace_minutes=15,
        is_extended=True,
        most_submissions=3,
        used_submissions=1,
        limit_mb=5,
        required_names=("main.gcode",),
    )

    said = rules.sentences(admission, ZoneInfo("America/Bogota"))

    assert said == [
        "Hand it in until 9 Mar 2026, 10:00 (America/Bogota).",
        "This is your own date: you have an extension.",
        "There are 15 minutes of grace after that, in which nothing counts as late.",
        "What comes later is not accepted.",
        "You have 2 of 3 submissions left.",
        "The archive may have 5 MB at most.",
        r"The archive must hold: main\.gcode.",
    ]


def in_new_york(ctx: Context, world: builders.World) -> None:
    with ctx.db.transaction() as session:
        session.execute(
            text("UPDATE course SET timezone = 'America/New_York' WHERE id = :id"), {"id": world.course_id}
        )


def set_due(app: AppTest, day: date, at: time) -> AppTest:
    next(one for one in app.date_input if one.label == "Due date").set_value(day)
    next(one for one in app.time_input if one.label == "Time · Due date").set_value(at)
    return app.run()


def test_a_due_date_in_an_hour_that_comes_twice_is_the_later_one(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    in_new_york(ctx, world)
    app = press(visit_page(world.professor, "assignments"), "Edit")

    app = press(set_due(app, date(2026, 11, 1), time(1, 30)), "Save")

    view = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    assert view.assignment_end_date == datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "not 5:30"

    field(press(app, "Edit"), "Name").input("Another name")
    press(app.run(), "Save")

    view = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    assert view.assignment_end_date == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_a_due_date_in_an_hour_that_clocks_skip_is_refused_with_the_reason(
    ctx: Context, world: builders.World, visit_page: Visit
) -> None:
    in_new_york(ctx, world)
    before = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    app = press(visit_page(world.professor, "assignments"), "Edit")

    app = press(set_due(app, date(2026, 3, 8), time(2, 30)), "Save")

    (error,) = app.error
    assert error.value.startswith("Due date:")
    assert "since clocks go forward then" in error.value
    assert assignments.get_assignment(ctx, world.professor, world.assignment_id) == before


def test_the_part_of_an_assignment_that_is_open_stands_in_the_address(
    world: builders.World, visit_page: Visit
) -> None:
    app = press(visit_page(world.professor, "assignments"), "Extensions")
    assert app.query_params["extensions"] in (str(world.assignment_id), [str(world.assignment_id)])
    assert "**Extensions**" in [one.value for one in app.markdown]

    app = press(app, "Extensions")
    assert "extensions" not in app.query_params
    assert "**Extensions**" not in [one.value for one in app.markdown]
