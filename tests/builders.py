"""Small worlds for tests, built by the same use cases that people use."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from datetime import timedelta

from core.broker import open_publisher
from core.context import PLATFORM, Actor, Context
from core.relay import copy_next, publish_batch
from core.services import accounts, assignments, courses, definitions, reports, submissions
from core.services.assignments import AssignmentDraft
from core.services.definitions import DefinitionDraft, StageDraft
from core.services.submissions import Receipt
from core.vocabulary import LogLevel, Role


@dataclass(frozen=True)
class World:
    """A course with one of each, a definition of two stages and an open assignment."""

    course_id: int
    assignment_id: int
    definition_id: int
    professor: Actor
    monitor: Actor
    student: Actor
    stranger: Actor


def person(ctx: Context, name: str, **options: object) -> Actor:
    number = accounts.ensure_person(
        ctx, PLATFORM, email=f"{name}@uniandes.edu.co", full_name=name.title(), password_hash="x", **options
    )
    return Actor(user_id=number, is_admin=bool(options.get("is_admin")))


def definition_draft(name: str = "G-code", **overrides: object) -> DefinitionDraft:
    stages = [
        StageDraft(
            stage_name=stage,
            run_command="true",
            container_name=stage.lower(),
            container_filename="image.tar.gz",
        )
        for stage in ("PARSING", "EXECUTION")
    ]
    return DefinitionDraft(**({"definition_name": name, "stages": stages} | overrides))


def world(ctx: Context) -> World:
    course_id = courses.create_course(ctx, PLATFORM, name="Robotics")
    people = {name: person(ctx, name) for name in ("professor", "monitor", "student", "stranger")}
    for role in Role:
        courses.enrol(ctx, PLATFORM, course_id, people[role.value].user_id or 0, role)
    definition = definitions.create_definition(
        ctx, people["professor"], definition_draft(), {"image.tar.gz": io.BytesIO(b"image")}
    )
    assignment = assignments.create_assignment(
        ctx,
        people["professor"],
        course_id,
        AssignmentDraft(
            "Print a cube", definition.id, ctx.now() - timedelta(days=1), ctx.now() + timedelta(days=7)
        ),
    )
    return World(course_id, assignment.id, definition.id, **people)


def classmates(ctx: Context, world: World, count: int) -> list[World]:
    """The same world as other students of the course see it."""
    seen = []
    for number in range(count):
        student = person(ctx, f"classmate{number}")
        courses.enrol(ctx, PLATFORM, world.course_id, student.user_id or 0, Role.STUDENT)
        seen.append(replace(world, student=student))
    return seen


def archive(**files: str) -> io.BytesIO:
    """A zip of text files, in one enclosing folder; `main_gcode="…"` becomes `main.gcode`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, text in (files or {"main_gcode": "G28"}).items():
            made.writestr(f"work/{name.replace('_', '.')}", text)
    content.seek(0)
    return content


def submit(ctx: Context, world: World, *, key: str = "key", file: io.BytesIO | None = None) -> Receipt:
    return submissions.submit(
        ctx, world.student, world.assignment_id, file or archive(), file_name="cube.zip", submit_key=key
    )


def carry(ctx: Context) -> int:
    """One turn of the loops: every copy made, everything published."""
    while copy_next(ctx):
        pass
    publisher = open_publisher(ctx.settings)
    sent = publish_batch(ctx, publisher)
    publisher.close()
    return sent


def fail(ctx: Context, orchestrator: Actor, task_id: int, reason: str = "Line 3: unknown command") -> None:
    reports.set_stage_statuses(ctx, orchestrator, task_id, {"PARSING": "IN_PROGRESS"})
    reports.add_task_log(ctx, orchestrator, task_id, reason, stage="PARSING", level=LogLevel.ERROR)
    reports.set_stage_statuses(ctx, orchestrator, task_id, {"PARSING": "FAILED"})
