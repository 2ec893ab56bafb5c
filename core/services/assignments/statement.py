"""The statement of an assignment as a PDF, beside its Markdown: one file on FTP."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import NotAllowed, NotAPdf, NotFound
from core.models import Assignment, AssignmentStatement
from core.services.assignments.reading import require_in_course_of
from core.services.downloads import Download
from core.services.leftovers import note_unneeded, remove_soon, removed_on_failure
from core.services.uploads import measure

STATEMENT_LIMIT_MB = 20
NAME_LIMIT = 200

_BEGIN, _BEGINS_WITHIN = b"%PDF-", 1024
_END, _ENDS_WITHIN = b"%%EOF", 1024
"""What every PDF begins and ends with, give or take what tools put around (ISO 32000-1, 7.5.2 and 7.5.5;
Adobe's implementation notes 13 and 18)."""


def put_statement(ctx: Context, actor: Actor, assignment_id: int, file: BinaryIO, *, file_name: str) -> None:
    """Store the PDF `file` as the statement, in place of the one before. `file_name` is only shown.

    Raises:
        NotFound, NotAllowed: only professors of its course.
        NotAPdf: whatever its name says.
        TooLarge: more than `STATEMENT_LIMIT_MB`.
        StorageUnavailable, DatabaseUnavailable: try again; nothing was changed.

    """
    with ctx.db.transaction() as session:
        require_in_course_of(session, actor, Right.EDIT_ASSIGNMENT, assignment_id)
        if actor.user_id is None:
            raise NotAllowed
    measured = measure(file, ctx.settings, limit_mb=STATEMENT_LIMIT_MB)
    _check_pdf(file, measured.size)
    path = ctx.storage.path("statements", f"{assignment_id}-{secrets.token_hex(12)}.pdf")
    with removed_on_failure(ctx) as stored:
        stored.append(path)
        ctx.storage.upload(path, file)
        with ctx.db.transaction() as session:
            course_id = require_in_course_of(session, actor, Right.EDIT_ASSIGNMENT, assignment_id)
            session.get_one(Assignment, assignment_id, with_for_update=True)
            old = session.scalars(
                select(AssignmentStatement.path).where(AssignmentStatement.assignment_id == assignment_id)
            ).all()
            values = {
                "path": path,
                "file_name": _shown(file_name),
                "size": measured.size,
                "sha256": measured.sha256,
                "stored_at": ctx.now(),
                "stored_by_id": actor.user_id,
            }
            session.execute(
                insert(AssignmentStatement)
                .values(assignment_id=assignment_id, **values)
                .on_conflict_do_update(index_elements=["assignment_id"], set_=values)
            )
            note_unneeded(session, ctx, old)
            notify(session, f"course:{course_id}")
    remove_soon(ctx)


@contextmanager
def copied_statement(
    ctx: Context, actor: Actor, course_id: int, source_id: int
) -> Iterator[Callable[[Session, int], None]]:
    """A copy of the PDF of assignment `source_id`, for one that is opened within the block in `course_id`.

    Gives what writes its row, for the session and the new assignment; nothing where there is no PDF. The
    file is gone again if the block fails.

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course.
        NotAllowed: only who may open an assignment in `course_id`.
        StorageUnavailable: try again; nothing was kept.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.CREATE_ASSIGNMENT, course_id=course_id)
        require_in_course_of(session, actor, Right.READ_COURSE, source_id)
        source = session.get(AssignmentStatement, source_id)
    with removed_on_failure(ctx) as stored:
        path = ctx.storage.path("statements", f"copy-{secrets.token_hex(12)}.pdf")
        if source is not None:
            stored.append(path)
            ctx.storage.copy(source.path, path)

        def write(session: Session, assignment_id: int) -> None:
            if source is None:
                return
            session.add(
                AssignmentStatement(
                    assignment_id=assignment_id,
                    path=path,
                    file_name=source.file_name,
                    size=source.size,
                    sha256=source.sha256,
                    stored_at=ctx.now(),
                    stored_by_id=actor.user_id or source.stored_by_id,
                )
            )

        yield write


def remove_statement(ctx: Context, actor: Actor, assignment_id: int) -> None:
    """Take the PDF away; the Markdown stays.

    Raises:
        NotFound, NotAllowed: only professors of its course; there is no PDF.

    """
    with ctx.db.transaction() as session:
        course_id = require_in_course_of(session, actor, Right.EDIT_ASSIGNMENT, assignment_id)
        found = session.get(AssignmentStatement, assignment_id, with_for_update=True)
        if found is None:
            raise NotFound(what="file")
        note_unneeded(session, ctx, [found.path])
        session.delete(found)
        notify(session, f"course:{course_id}")
    remove_soon(ctx)


def open_statement(ctx: Context, actor: Actor, assignment_id: int) -> Download:
    """The PDF, for every member of the course.

    Raises:
        NotFound: there is none, or the actor is a stranger to the course.

    """
    with ctx.db.transaction() as session:
        require_in_course_of(session, actor, Right.READ_COURSE, assignment_id)
        found = session.get(AssignmentStatement, assignment_id)
        if found is None:
            raise NotFound(what="file")
        return Download(found.file_name, found.size, partial(ctx.storage.stream, found.path), found.sha256)


def _check_pdf(file: BinaryIO, size: int) -> None:
    begins = _BEGIN in file.read(_BEGINS_WITHIN)
    file.seek(max(0, size - _ENDS_WITHIN))
    ends = _END in file.read(_ENDS_WITHIN)
    file.seek(0)
    if not (begins and ends):
        raise NotAPdf


def _shown(file_name: str) -> str:
    """The last part of what a browser sent, printable, of bounded length, and named as what it is."""
    last = file_name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(character for character in last if character.isprintable())[:NAME_LIMIT]
    return name if name.lower().endswith(".pdf") else f"{name or 'statement'}.pdf"
