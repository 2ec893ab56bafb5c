"""A sample goes all the way of a definition, and no figure, list, limit or notice knows of it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from core import sweep
from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.errors import BadArchive, KeyInUse, NotAllowed, NotFound, NotSignedIn, TooManyDryRuns
from core.services import (
    assignments,
    audit,
    courses,
    definitions,
    dry_runs,
    exports,
    leftovers,
    monitoring,
    notices,
    progress,
    reports,
    requeues,
    results,
    stalled,
    statistics,
    submissions,
    tallies,
    topics,
)
from core.services.audit import AuditFilter
from core.services.monitoring import Scope
from core.services.submissions import Receipt, StudentFilter, TaskFilter
from core.vocabulary import Role, StageStatus
from tests import builders
from tests.builders import World
from tests.conftest import Clock

PASSED = {"PARSING": 3, "EXECUTION": 3}


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


@pytest.fixture
def admin(ctx: Context) -> Actor:
    return builders.person(ctx, "admin", is_admin=True)


def try_it(
    ctx: Context, world: World, *, actor: Actor | None = None, key: str = "sample", **files: str
) -> Receipt:
    return dry_runs.start(
        ctx,
        actor or world.professor,
        world.definition_id,
        builders.archive(**files),
        file_name="sample.zip",
        submit_key=key,
    )


def statuses(ctx: Context, world: World) -> list[StageStatus]:
    return [run.status for run in dry_runs.list_dry_runs(ctx, world.professor, world.definition_id)]


def figures(ctx: Context, world: World, actor: Actor) -> dict[str, Any]:
    """Everything that is said of submissions to somebody who may see them all."""
    said: dict[str, Any] = {}
    for name, scope in (
        ("all", Scope()),
        ("course", Scope(course_id=world.course_id)),
        ("assignment", Scope(assignment_id=world.assignment_id)),
        ("definition", Scope(definition_id=world.definition_id)),
        ("stage", Scope(stage="PARSING")),
    ):
        said |= {
            f"{figure.__name__} of {name}": figure(ctx, actor, scope)
            for figure in (
                monitoring.summarise,
                monitoring.read_queue,
                monitoring.count_by_stage,
                monitoring.count_by_hour,
                monitoring.count_verdicts,
                monitoring.sum_requeues,
                monitoring.count_requeues_by_definition,
                monitoring.measure_latency,
                monitoring.group_failures,
                monitoring.list_failures,
                monitoring.list_offenders,
                monitoring.read_timeline,
                stalled.list_stalled,
            )
        }
    said["statistics"] = statistics.read_statistics(ctx, world.professor, world.assignment_id)
    said["students"] = submissions.overview(ctx, world.professor, world.assignment_id)
    said["tasks"] = submissions.list_tasks(ctx, actor, TaskFilter(), limit=2)
    said["tasks of the course"] = submissions.list_tasks(
        ctx, world.professor, TaskFilter(course_id=world.course_id)
    )
    said["mine"] = [submissions.list_my_tasks(ctx, who) for who in (world.professor, world.student)]
    said["usage"] = definitions.list_usage(ctx, actor)
    said["assignments"] = assignments.list_assignments(ctx, world.professor, world.course_id)
    said["notices"] = [notices.list_unread(ctx, who) for who in (world.professor, world.student)]
    wanted = StudentFilter(assignment_id=world.assignment_id)
    archive = exports.open_archive(ctx, world.professor, wanted, exports.Contents.ORIGINALS)
    with zipfile.ZipFile(io.BytesIO(b"".join(archive.pieces))) as opened:
        said["originals"] = {name: opened.read(name) for name in opened.namelist()}
    with ctx.db.transaction() as session:
        said["notices kept"] = session.scalar(text("SELECT count(*) FROM result_notice"))
    said["audit"] = audit.list_entries(ctx, actor, AuditFilter())
    return said


def changed(ctx: Context, world: World, before: dict[Actor, dict[str, Any]]) -> list[str]:
    """The names of what is said otherwise than before."""
    now = {actor: figures(ctx, world, actor) for actor in before}
    return [name for actor, said in before.items() for name in said if now[actor][name] != said[name]]


def as_student_elsewhere(ctx: Context, world: World) -> World:
    """The same world, in which the professor is a student of another course, too."""
    teacher = builders.person(ctx, "teacher")
    course = courses.create_course(ctx, PLATFORM, name="Painting")
    courses.enrol(ctx, PLATFORM, course, teacher.user_id or 0, Role.PROFESSOR)
    courses.enrol(ctx, PLATFORM, course, world.professor.user_id or 0, Role.STUDENT)
    draft = builders.assignment_draft(ctx, world.definition_id)
    assignment = assignments.create_assignment(ctx, teacher, course, draft)
    return replace(world, assignment_id=assignment.id, student=world.professor)


def a_class(ctx: Context, world: World) -> list[int]:
    """One submission failed, one passed and one that waits, of another student each."""
    failed, passed, waits = (
        builders.submit(ctx, place).task_id for place in builders.classmates(ctx, world, 3)
    )
    builders.carry(ctx)
    builders.fail(ctx, ORCHESTRATOR, failed)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, passed, PASSED)
    return [failed, passed, waits]


def test_no_figure_list_export_or_notice_changes_whatever_dry_runs_come_to(
    ctx: Context, world: World, admin: Actor
) -> None:
    *_, waits = a_class(ctx, world)
    before = {actor: figures(ctx, world, actor) for actor in (admin, world.professor)}
    place = [progress.estimate(ctx, PLATFORM, waits)]

    good, bad, crashed = (try_it(ctx, world, key=f"sample {number}").task_id for number in range(3))
    assert changed(ctx, world, before) == []
    builders.carry(ctx)
    assert changed(ctx, world, before) == []
    reports.note_requeue(ctx, ORCHESTRATOR, crashed)
    builders.fail(ctx, ORCHESTRATOR, bad)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, good, PASSED)

    assert changed(ctx, world, before) == []
    assert [progress.estimate(ctx, PLATFORM, waits)] == place
    assert statuses(ctx, world) == [StageStatus.PENDING, StageStatus.FAILED, StageStatus.COMPLETED]


def test_the_tallies_of_past_days_are_those_of_the_students_alone(
    ctx: Context, clock: Clock, world: World, admin: Actor
) -> None:
    a_class(ctx, world)
    good = try_it(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, good, PASSED)
    live = tallied(ctx, admin)

    clock.advance(days=2)
    tallies.count_days(ctx, PLATFORM)

    assert tallied(ctx, admin) == live
    assert tallies.recount(ctx, PLATFORM).differences == ()


def tallied(ctx: Context, actor: Actor) -> list[object]:
    """What is read from tallies where there are any."""
    latency = [
        (row.stage_name, row.waited.samples) for row in monitoring.measure_latency(ctx, actor, Scope())
    ]
    counts = (monitoring.count_by_hour, monitoring.count_verdicts, monitoring.count_by_stage)
    return [latency, *(count(ctx, actor, Scope()) for count in counts)]


def test_a_student_waits_no_longer_and_takes_the_same_place_beside_dry_runs(
    ctx: Context, world: World
) -> None:
    for number in range(3):
        try_it(ctx, world, key=f"sample {number}")
    builders.carry(ctx)
    first = builders.submit(ctx, world).task_id

    estimate = progress.estimate(ctx, world.student, first)

    assert estimate is not None
    assert estimate.ahead == 0


def test_dry_runs_take_no_room_of_their_person_or_of_anybody(ctx: Context, world: World) -> None:
    studies = as_student_elsewhere(ctx, world)
    limited = builders.with_settings(
        ctx,
        ctx.settings.model_copy(update={"max_under_way_per_student": 1, "max_under_way_per_assignment": 1}),
    )
    try_it(limited, world)
    try_it(limited, world, key="another")
    assert builders.carry(limited) == 1

    own = builders.submit(limited, studies)

    assert builders.carry(limited) == 1
    assert submissions.get_task(limited, world.professor, own.task_id).current.published_at is not None


def test_stages_lines_and_verdict_of_a_dry_run_are_read_as_those_of_a_submission(
    ctx: Context, world: World
) -> None:
    number = try_it(ctx, world).task_id
    builders.carry(ctx)
    builders.fail(ctx, ORCHESTRATOR, number)

    task = submissions.get_task(ctx, world.professor, number)

    assert (task.summary.dry_run_of, task.summary.assignment_id) == (world.definition_id, None)
    assert [stage.status for stage in task.current.stages] == [StageStatus.FAILED, StageStatus.PENDING]
    assert builders.REASON in [line.message for line in task.logs]
    assert b"".join(submissions.open_original(ctx, world.professor, number).pieces)
    assert results.read_results(ctx, world.professor, number).outputs[0].stage_name == "PARSING"
    assert topics.limit(ctx, world.professor, {f"task:{number}"}) == {f"task:{number}"}


def test_who_may_begin_a_dry_run(ctx: Context, world: World, admin: Actor) -> None:
    another = builders.person(ctx, "another")
    course = courses.create_course(ctx, PLATFORM, name="Elsewhere")
    courses.enrol(ctx, PLATFORM, course, another.user_id or 0, Role.PROFESSOR)
    outcome: dict[str, Any] = {}

    for name, actor in {
        "owner": world.professor,
        "professor elsewhere": another,
        "admin": admin,
        "monitor": world.monitor,
        "student": world.student,
        "stranger": world.stranger,
        "orchestrator": ORCHESTRATOR,
        "nobody": Actor(),
    }.items():
        try:
            try_it(ctx, world, actor=actor)
            dry_runs.list_dry_runs(ctx, actor, world.definition_id)
            outcome[name] = "may"
        except (NotAllowed, NotSignedIn) as denied:
            outcome[name] = type(denied)

    assert outcome == {
        "owner": "may",
        "professor elsewhere": "may",
        "admin": "may",
        "monitor": NotAllowed,
        "student": NotAllowed,
        "stranger": NotAllowed,
        "orchestrator": NotAllowed,
        "nobody": NotSignedIn,
    }


def test_nobody_but_who_began_it_sees_a_dry_run_or_runs_it_again(
    ctx: Context, world: World, admin: Actor
) -> None:
    another = builders.person(ctx, "another")
    courses.enrol(ctx, PLATFORM, world.course_id, another.user_id or 0, Role.PROFESSOR)
    number = try_it(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, number)

    for actor in (another, admin, world.monitor, world.student, world.stranger, ORCHESTRATOR):
        with pytest.raises(NotFound):
            submissions.get_task(ctx, actor, number)
        with pytest.raises(NotFound):
            submissions.open_original(ctx, actor, number)
    for actor in (another, admin):
        assert dry_runs.list_dry_runs(ctx, actor, world.definition_id) == ()
        assert topics.limit(ctx, actor, {f"task:{number}"}) == frozenset()
    for actor in (world.professor, world.monitor, admin):
        with pytest.raises(NotFound):
            requeues.requeue(ctx, actor, number)


def test_the_same_key_begins_once_and_is_good_for_nothing_else(ctx: Context, world: World) -> None:
    studies = as_student_elsewhere(ctx, world)
    first = try_it(ctx, world)

    assert try_it(ctx, world) == first
    with pytest.raises(KeyInUse):
        try_it(ctx, world, main_gcode="G1")
    with pytest.raises(KeyInUse):
        builders.submit(ctx, studies, key="sample")
    assert len(statuses(ctx, world)) == 1


def test_a_sample_is_checked_as_a_submission_is(ctx: Context, world: World) -> None:
    with pytest.raises(BadArchive):
        dry_runs.start(
            ctx,
            world.professor,
            world.definition_id,
            io.BytesIO(b"no zip"),
            file_name="a.zip",
            submit_key="k",
        )
    with pytest.raises(NotFound):
        dry_runs.start(ctx, world.professor, 999, builders.archive(), file_name="a.zip", submit_key="k")

    assert statuses(ctx, world) == []


def test_a_person_has_a_few_dry_runs_under_way_and_the_next_when_one_has_ended(
    ctx: Context, world: World
) -> None:
    first, *_ = (try_it(ctx, world, key=f"sample {n}") for n in range(dry_runs.MOST_UNDER_WAY))

    with pytest.raises(TooManyDryRuns):
        try_it(ctx, world, key="one more")

    builders.fail(ctx, ORCHESTRATOR, first.task_id)
    assert try_it(ctx, world, key="one more").task_id > first.task_id


def test_old_dry_runs_go_with_their_files_and_nothing_else_does(
    ctx: Context, clock: Clock, world: World
) -> None:
    kept = builders.submit(ctx, world).task_id
    old = try_it(ctx, world).task_id
    builders.carry(ctx)
    builders.fail(ctx, ORCHESTRATOR, old)
    files = files_of(ctx, old)
    clock.advance(days=dry_runs.KEPT.days, minutes=1)
    young = try_it(ctx, world, key="young").task_id

    sweep.expire(ctx)
    leftovers.remove_noted(ctx)

    assert [run.task_id for run in dry_runs.list_dry_runs(ctx, world.professor, world.definition_id)] == [
        young
    ]
    assert not files & on_storage(ctx)
    assert files_of(ctx, kept) | files_of(ctx, young) <= on_storage(ctx)


def test_a_definition_that_was_only_tried_is_deleted_with_its_dry_runs(ctx: Context, world: World) -> None:
    made = definitions.create_definition(
        ctx, world.professor, builders.definition_draft("Tried"), {"image.tar.gz": io.BytesIO(b"image")}
    )
    number = try_it(ctx, replace(world, definition_id=made.id)).task_id
    builders.carry(ctx)
    files = files_of(ctx, number)

    definitions.delete_definition(ctx, world.professor, made.id)
    leftovers.remove_noted(ctx)

    assert not files & on_storage(ctx)
    with pytest.raises(NotFound):
        submissions.get_task(ctx, world.professor, number)


def test_a_task_belongs_to_an_assignment_or_is_a_dry_run_and_never_both(ctx: Context, world: World) -> None:
    number = builders.submit(ctx, world).task_id

    for change in (f"dry_run_of = {world.definition_id}", "assignment_id = NULL"):
        with pytest.raises(Exception, match="ck_task_place"), ctx.db.transaction() as session:
            session.execute(text(f"UPDATE task SET {change} WHERE id = :id"), {"id": number})


def files_of(ctx: Context, task_id: int) -> set[str]:
    with ctx.db.transaction() as session:
        query = text(
            "SELECT original_path FROM task WHERE id = :id"
            " UNION SELECT file_path FROM task_attempt WHERE task_id = :id AND copied_at IS NOT NULL"
        )
        return set(session.scalars(query, {"id": task_id}))


def on_storage(ctx: Context) -> set[str]:
    return {
        file.path
        for folder in ("originals", "attempts")
        for file in ctx.storage.list_files(ctx.storage.path(folder))
    }
