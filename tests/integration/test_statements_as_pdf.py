"""The statement of an assignment as a PDF: kept on FTP, checked, for the course alone."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from core.context import PLATFORM, Actor, Context
from core.errors import NameTaken, NotAllowed, NotAPdf, NotFound, TooLarge
from core.models import AssignmentStatement
from core.services import assignments, courses
from core.services.inventory import compare_files
from core.vocabulary import Role
from tests import builders
from tests.builders import World

PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"


@pytest.fixture
def world(ctx: Context) -> World:
    return builders.world(ctx)


def put(ctx: Context, world: World, content: bytes = PDF, name: str = "cubo ñ.pdf") -> None:
    assignments.put_statement(ctx, world.professor, world.assignment_id, io.BytesIO(content), file_name=name)


def stored(ctx: Context) -> int:
    return len(list(ctx.storage.list_files(ctx.storage.path("statements"))))


def test_members_of_the_course_read_it_byte_for_byte_and_nobody_else(ctx: Context, world: World) -> None:
    put(ctx, world, name="C:\\x\\cubo ñ.pdf")

    for actor in (world.student, world.monitor, world.professor):
        file = assignments.open_statement(ctx, actor, world.assignment_id)
        assert (file.filename, b"".join(file.pieces)) == ("cubo ñ.pdf", PDF)
    view = assignments.get_assignment(ctx, world.student, world.assignment_id)
    assert view.statement == assignments.StatementFile("cubo ñ.pdf", len(PDF))
    with pytest.raises(NotFound):
        assignments.open_statement(ctx, world.stranger, world.assignment_id)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"%PDF-1.4 cut off", b"<html>%%EOF"])
def test_what_is_no_whole_pdf_is_refused_and_leaves_nothing(
    ctx: Context, world: World, content: bytes
) -> None:
    with pytest.raises(NotAPdf):
        put(ctx, world, content)

    assert stored(ctx) == 0
    assert assignments.get_assignment(ctx, world.student, world.assignment_id).statement is None


def test_a_pdf_that_is_too_large_is_refused(ctx: Context, world: World) -> None:
    with pytest.raises(TooLarge):
        put(ctx, world, PDF.replace(b"<< >>", b" " * 20_000_001, 1))

    assert stored(ctx) == 0


def test_the_newest_stands_and_no_file_is_left_behind(ctx: Context, world: World) -> None:
    put(ctx, world)
    put(ctx, world, PDF + b"\n", name="second")
    assert stored(ctx) == 1
    file = assignments.open_statement(ctx, world.student, world.assignment_id)
    assert (file.filename, b"".join(file.pieces)) == ("second.pdf", PDF + b"\n")
    assert compare_files(ctx) == []

    assignments.remove_statement(ctx, world.professor, world.assignment_id)

    assert stored(ctx) == 0
    with pytest.raises(NotFound):
        assignments.open_statement(ctx, world.student, world.assignment_id)


def test_it_goes_with_its_assignment(ctx: Context, world: World) -> None:
    put(ctx, world)

    assignments.delete_assignment(ctx, world.professor, world.assignment_id)

    assert stored(ctx) == 0


@pytest.mark.parametrize("role", ["student", "monitor"])
def test_only_a_professor_changes_it(ctx: Context, world: World, role: str) -> None:
    put(ctx, world)
    actor = getattr(world, role)

    with pytest.raises(NotAllowed):
        assignments.put_statement(ctx, actor, world.assignment_id, io.BytesIO(PDF), file_name="x.pdf")
    with pytest.raises(NotAllowed):
        assignments.remove_statement(ctx, actor, world.assignment_id)


def duplicate(ctx: Context, world: World, actor: Actor, course_id: int, name: str = "Again") -> int:
    draft = replace(builders.assignment_draft(ctx, world.definition_id), assignment_name=name)
    return assignments.duplicate_assignment(ctx, actor, world.assignment_id, course_id, draft).id


def test_a_duplicate_in_another_course_has_a_file_of_its_own(ctx: Context, world: World) -> None:
    put(ctx, world)
    other = courses.create_course(ctx, PLATFORM, name="Mechanics")
    courses.enrol(ctx, PLATFORM, other, world.professor.user_id or 0, Role.PROFESSOR)

    made = duplicate(ctx, world, world.professor, other)

    assert assignments.get_assignment(ctx, world.professor, made).statement == assignments.StatementFile(
        "cubo ñ.pdf", len(PDF)
    )
    assignments.delete_assignment(ctx, world.professor, world.assignment_id)
    file = assignments.open_statement(ctx, world.professor, made)
    assert b"".join(file.pieces) == PDF
    assert stored(ctx) == 1
    assert compare_files(ctx) == []


def test_a_duplicate_of_one_without_a_pdf_has_none(ctx: Context, world: World) -> None:
    made = duplicate(ctx, world, world.professor, world.course_id)

    assert assignments.get_assignment(ctx, world.professor, made).statement is None


def test_a_duplicate_that_is_refused_leaves_no_file(ctx: Context, world: World) -> None:
    put(ctx, world)

    with pytest.raises(NameTaken):
        duplicate(ctx, world, world.professor, world.course_id, name="Print a cube")

    assert stored(ctx) == 1


def test_nobody_gets_a_pdf_out_of_a_course_by_duplicating(ctx: Context, world: World) -> None:
    put(ctx, world)
    other = courses.create_course(ctx, PLATFORM, name="Mechanics")
    courses.enrol(ctx, PLATFORM, other, world.stranger.user_id or 0, Role.PROFESSOR)

    with pytest.raises(NotFound):
        duplicate(ctx, world, world.stranger, other)
    with pytest.raises(NotAllowed):
        duplicate(ctx, world, world.monitor, world.course_id)

    assert stored(ctx) == 1


def test_a_pdf_that_is_gone_is_not_passed_over_in_silence(ctx: Context, world: World) -> None:
    put(ctx, world)
    with ctx.db.transaction() as session:
        path = session.get_one(AssignmentStatement, world.assignment_id).path
    ctx.storage.delete(path)

    with pytest.raises(NotFound):
        duplicate(ctx, world, world.professor, world.course_id)

    assert stored(ctx) == 0
    assert len(assignments.list_assignments(ctx, world.professor, world.course_id)) == 1
