"""Small worlds for tests, built by the same use cases that people use."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import event, update

from core.broker import open_publisher
from core.config import Settings
from core.context import PLATFORM, Actor, Context
from core.models import User
from core.relay import copy_next, publish_batch
from core.services import accounts, assignments, courses, definitions, reports, submissions
from core.services.accounts import Person
from core.services.assignments import AssignmentDraft
from core.services.definitions import DefinitionDraft, StageDraft
from core.services.submissions import Receipt
from core.vocabulary import LogLevel, Role
from tests.waiting import eventually

REASON = "Line 3: unknown command"


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


def with_settings(ctx: Context, settings: Settings) -> Context:
    """The same world under other settings."""
    return replace(ctx, settings=settings)


def person(ctx: Context, name: str, **options: Any) -> Actor:
    number = accounts.ensure_person(
        ctx, PLATFORM, email=f"{name}@uniandes.edu.co", full_name=name.title(), password_hash="x", **options
    )
    return Actor(user_id=number, is_admin=bool(options.get("is_admin")))


def definition_draft(name: str = "G-code", **overrides: Any) -> DefinitionDraft:
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


def assignment_draft(ctx: Context, definition_id: int) -> AssignmentDraft:
    """Open since yesterday, for a week."""
    return AssignmentDraft(
        "Print a cube", definition_id, ctx.now() - timedelta(days=1), ctx.now() + timedelta(days=7)
    )


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
        assignment_draft(ctx, definition.id),
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
            made.writestr(zipfile.ZipInfo(f"work/{name.replace('_', '.')}"), text)
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


def fail(ctx: Context, orchestrator: Actor, task_id: int, reason: str = REASON) -> None:
    reports.set_stage_statuses(ctx, orchestrator, task_id, {"PARSING": "IN_PROGRESS"})
    reports.add_task_log(ctx, orchestrator, task_id, reason, stage="PARSING", level=LogLevel.ERROR)
    reports.set_stage_statuses(ctx, orchestrator, task_id, {"PARSING": "FAILED"})


def registered(ctx: Context, email: str, password: str, **settings: object) -> Person:
    """A person who registered where no mail proves the mailbox."""
    opened = ctx.settings.model_copy(update={"open_registration": True} | settings)
    made = accounts.register(with_settings(ctx, opened), email=email, password=password)
    assert made.person is not None
    return made.person


def invited(ctx: Context, name: str = "invited", **options: Any) -> Actor:
    """A person whose account was made by others and who has set no password yet."""
    made = person(ctx, name, **options)
    with ctx.db.transaction() as session:
        session.execute(
            update(User).where(User.id == made.user_id).values(password_hash=None, confirmed_at=None)
        )
    return made


@contextmanager
def statements(ctx: Context) -> Iterator[list[str]]:
    """The SQL that runs within the block, without its values."""
    made: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        made.append(statement)

    engine = ctx.db._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield made
    finally:
        event.remove(engine, "before_cursor_execute", note)


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds."""
    eventually(condition)
