"""What an assignment asks for beyond its dates, and who has until later."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.context import ORCHESTRATOR, Actor, Context
from core.errors import (
    AlreadyClosed,
    BadRange,
    EarlierThanDue,
    ImpossibleFile,
    MissingFiles,
    NoMoreSubmissions,
    NotAllowed,
    NotFound,
    Required,
    TooLarge,
)
from core.models import Task, TaskStageStatus
from core.services import assignments, submissions
from core.services.assignments import AssignmentDraft, AssignmentRules
from core.vocabulary import AssignmentState, LatePolicy
from tests import builders
from tests.builders import World
from tests.conftest import Clock
from tests.hostile_zips import usual

WEEK = timedelta(days=7)


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


def ask(ctx: Context, world: World, **rules: Any) -> None:
    view = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    draft = AssignmentDraft(
        view.assignment_name,
        view.definition_id,
        view.assignment_start_date,
        view.assignment_end_date,
        rules=replace(view.rules, **rules),
    )
    assignments.update_assignment(ctx, world.professor, world.assignment_id, draft)


def extend(ctx: Context, world: World, by: timedelta, *students: Actor, actor: Actor | None = None) -> int:
    end = assignments.get_assignment(ctx, world.professor, world.assignment_id).assignment_end_date
    chosen = [student.user_id or 0 for student in students or (world.student,)]
    return assignments.grant_extensions(
        ctx, actor or world.professor, world.assignment_id, chosen, end + by, reason="ill"
    )


def originals(ctx: Context) -> int:
    return len(list(ctx.storage.list_files(ctx.storage.path("originals"))))


def late(ctx: Context) -> list[bool]:
    with ctx.db.transaction() as session:
        return list(session.scalars(select(Task.is_late).order_by(Task.id)))


def test_within_the_time_of_grace_work_is_accepted_and_not_late(
    ctx: Context, world: World, clock: Clock
) -> None:
    ask(ctx, world, grace_minutes=15)
    clock.advance(days=7, minutes=15)

    builders.submit(ctx, world)

    assert late(ctx) == [False]
    clock.advance(seconds=1)
    with pytest.raises(AlreadyClosed):
        builders.submit(ctx, world, key="later")


def test_late_work_is_accepted_and_marked_where_the_assignment_says_so(
    ctx: Context, world: World, clock: Clock
) -> None:
    ask(ctx, world, late_policy=LatePolicy.MARK)
    builders.submit(ctx, world)
    clock.advance(days=9)

    assert submissions.get_admission(ctx, world.student, world.assignment_id).is_late
    task_id = builders.submit(ctx, world, key="late").task_id

    assert late(ctx) == [False, True]
    first_line = submissions.get_task(ctx, world.monitor, task_id).logs[0]
    assert "marked as late" in first_line.message
    [standing] = [
        row for row in submissions.overview(ctx, world.monitor, world.assignment_id) if row.task_id == task_id
    ]
    assert standing.is_late
    mine = submissions.list_my_tasks(ctx, world.student)
    assert [task.is_late for task in mine] == [True, False]


def test_a_student_hands_in_as_often_as_allowed_and_no_more(ctx: Context, world: World) -> None:
    ask(ctx, world, most_submissions=2)
    first = builders.submit(ctx, world, key="first")
    builders.submit(ctx, world, key="second")

    with pytest.raises(NoMoreSubmissions):
        builders.submit(ctx, world, key="third")

    assert builders.submit(ctx, world, key="first") == first, "a repeated one is no other"
    [other] = builders.classmates(ctx, world, 1)
    builders.submit(ctx, other, key="of another")


def test_what_a_node_lost_costs_nothing(ctx: Context, world: World) -> None:
    ask(ctx, world, most_submissions=1)
    task_id = builders.submit(ctx, world, key="first").task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    with pytest.raises(NoMoreSubmissions):
        builders.submit(ctx, world, key="second")

    with ctx.db.transaction() as session:
        row = session.scalars(select(TaskStageStatus).where(TaskStageStatus.status_id == 4)).one()
        row.failed_by = "crash"

    builders.submit(ctx, world, key="second")


def test_of_many_at_once_only_as_many_are_accepted_as_are_allowed(ctx: Context, world: World) -> None:
    ask(ctx, world, most_submissions=2)

    def attempt(number: int) -> bool:
        try:
            builders.submit(ctx, world, key=f"key-{number}")
        except NoMoreSubmissions:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(attempt, range(8)))

    assert accepted.count(True) == 2
    assert originals(ctx) == 2, "the files of those that were refused are gone"


def test_an_archive_must_hold_the_required_files_within_its_folder(ctx: Context, world: World) -> None:
    ask(ctx, world, required_names=("main.gcode", "README.md"))

    with pytest.raises(MissingFiles) as refused:
        builders.submit(ctx, world)

    assert refused.value.values["names"] == ("README.md",)
    assert "README.md" in refused.value.sentence("es")
    builders.submit(ctx, world, file=builders.archive(main_gcode="G28", README_md="how"))


@pytest.mark.parametrize(
    ("required", "held"),
    [
        ("Gu\u00eda.md", "Gui\u0301a.md"),
        ("Gui\u0301a.md", "Gu\u00eda.md"),
        ("src/main.py", "./src//main.py"),
        ("src/main.py", "src/main.py"),
        ("main.py", "src/main.py"),
    ],
)
def test_a_required_file_is_found_in_each_form_of_its_name(
    ctx: Context, world: World, required: str, held: str
) -> None:
    ask(ctx, world, required_names=(required,))

    builders.submit(ctx, world, file=usual({held: "x"}))


def test_an_archive_over_the_assignments_own_limit_is_refused(ctx: Context, world: World) -> None:
    ask(ctx, world, limit_mb=1)

    with pytest.raises(TooLarge) as refused:
        builders.submit(ctx, world, file=builders.archive(main_gcode="x" * 1_000_001))

    assert "1 MB" in refused.value.sentence("en")
    assert originals(ctx) == 0


@pytest.mark.parametrize(
    ("rules", "error"),
    [
        ({"grace_minutes": -1}, BadRange),
        ({"most_submissions": 1001}, BadRange),
        ({"limit_mb": 100_000}, BadRange),
        ({"required_names": ("../main.py",)}, ImpossibleFile),
        ({"required_names": ("/main.py",)}, ImpossibleFile),
        ({"required_names": ("results/notes.md",)}, ImpossibleFile),
        ({"required_names": ("Output_of_mine.txt",)}, ImpossibleFile),
        ({"required_names": ("src/Thumbs.DB",)}, ImpossibleFile),
        ({"required_names": ("._main.py",)}, ImpossibleFile),
        ({"required_names": ("Main.py", "main.py")}, ImpossibleFile),
        ({"required_names": ("src", "src/main.py")}, ImpossibleFile),
        ({"required_names": ("C:/main.py",)}, ImpossibleFile),
        ({"required_names": ("src\\main.py",)}, ImpossibleFile),
        ({"required_names": ("src/",)}, ImpossibleFile),
    ],
)
def test_rules_that_cannot_be_kept_are_refused(
    ctx: Context, world: World, rules: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(ctx, world, **rules)

    view = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    assert view.rules == AssignmentRules()


def test_who_has_an_extension_submits_until_then_and_the_others_do_not(
    ctx: Context, world: World, clock: Clock
) -> None:
    [other] = builders.classmates(ctx, world, 1)
    assert extend(ctx, world, timedelta(days=2)) == 1
    clock.advance(days=9)

    builders.submit(ctx, world)

    admission = submissions.get_admission(ctx, world.student, world.assignment_id)
    assert (admission.is_extended, admission.state, admission.is_late) == (True, AssignmentState.OPEN, False)
    with pytest.raises(AlreadyClosed):
        builders.submit(ctx, other, key="of another")


def test_an_extension_never_makes_it_worse(ctx: Context, world: World, clock: Clock) -> None:
    with pytest.raises(EarlierThanDue):
        extend(ctx, world, -timedelta(seconds=1))
    extend(ctx, world, timedelta(days=1))
    view = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    later = AssignmentDraft(
        view.assignment_name,
        view.definition_id,
        view.assignment_start_date,
        view.assignment_end_date + WEEK,
    )
    assignments.update_assignment(ctx, world.professor, world.assignment_id, later)
    clock.advance(days=10)

    builders.submit(ctx, world)


def test_an_extension_is_replaced_and_withdrawn(ctx: Context, world: World, clock: Clock) -> None:
    extend(ctx, world, timedelta(days=1))
    extend(ctx, world, timedelta(days=3))
    [found] = assignments.list_extensions(ctx, world.monitor, world.assignment_id)
    assert (found.student_id, found.reason, found.granted_by) == (
        world.student.user_id,
        "ill",
        "professor@uniandes.edu.co",
    )
    assert found.due_at == ctx.now() + timedelta(days=10)

    assignments.withdraw_extension(ctx, world.professor, world.assignment_id, found.student_id)

    clock.advance(days=8)
    with pytest.raises(AlreadyClosed):
        builders.submit(ctx, world)
    with pytest.raises(NotFound):
        assignments.withdraw_extension(ctx, world.professor, world.assignment_id, found.student_id)


def test_an_extension_is_for_students_of_the_course_all_or_none(ctx: Context, world: World) -> None:
    with pytest.raises(NotFound):
        extend(ctx, world, timedelta(days=1), world.student, world.stranger)
    with pytest.raises(Required):
        assignments.grant_extensions(
            ctx, world.professor, world.assignment_id, [], ctx.now() + timedelta(days=30)
        )

    assert assignments.list_extensions(ctx, world.professor, world.assignment_id) == []


@pytest.mark.parametrize(
    "act",
    [
        lambda ctx, world, actor: extend(ctx, world, WEEK, actor=actor),
        lambda ctx, world, actor: assignments.withdraw_extension(
            ctx, actor, world.assignment_id, world.student.user_id or 0
        ),
    ],
)
def test_only_professors_of_the_course_decide_on_extensions(
    ctx: Context, world: World, act: Callable[[Context, World, Actor], object]
) -> None:
    for actor in (world.monitor, world.student):
        with pytest.raises(NotAllowed):
            act(ctx, world, actor)
    with pytest.raises(NotFound):
        act(ctx, world, world.stranger)
    with pytest.raises(NotAllowed):
        assignments.list_extensions(ctx, world.student, world.assignment_id)
