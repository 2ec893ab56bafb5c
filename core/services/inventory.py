"""What is on FTP held against what the rows say, both ways.

A file that no row knows is left over from something that never came to be: it is deleted. A row whose
file is gone is trouble that only people can mend: it is recorded, and shown to those who can.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Select, and_, delete, func, null, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, courses_with, require
from core.context import Actor, Context
from core.models import (
    Assignment,
    AssignmentStatement,
    DefinitionStage,
    DefinitionVersion,
    MissingFile,
    Task,
    TaskAttempt,
    TaskDefinition,
)
from core.services.definitions import needed_images
from core.vocabulary import FileKind, StoredAt

LEFT_OVER_AFTER = timedelta(hours=24)
"""Age at which a file without a row is left over; no submission takes that long to be recorded."""

EXPECTED_AFTER = timedelta(minutes=10)
"""Age of a row from which its file is looked for: a listing of the server is as old as its beginning."""

_FOLDERS = ("originals", "attempts", "images", "statements")
_PAGE = 2_000

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LostFile:
    """A file that is gone. `subject`: the reference, definition or assignment that it belongs to."""

    path: str
    kind: FileKind
    subject: str
    course_id: int | None
    task_id: int | None
    found_at: datetime


def compare_files(ctx: Context) -> list[str]:
    """Delete our files that are left over, and record those that are gone; the paths of the deleted.

    Holds the paths of the whole server in memory, some hundred bytes each.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the rest is left to the next turn.

    """
    began = ctx.now()
    listed: set[str] = set()
    removed: list[str] = []
    for folder in _FOLDERS:
        for files in _pages(ctx.storage.list_files(ctx.storage.path(folder))):
            listed.update(file.path for file in files)
            old = [file.path for file in files if file.modified < began - LEFT_OVER_AFTER]
            removed += _remove_unknown(ctx, old)
    _record_missing(ctx, listed, began - EXPECTED_AFTER)
    return removed


def list_missing_files(ctx: Context, actor: Actor, *, course_id: int | None = None) -> list[LostFile]:
    """The files that are gone, as the sweep last found them, the latest first.

    With `course_id` those of the course and those that every course may need, such as images.

    Raises:
        NotSignedIn, NotAllowed, NotFound: the actor teaches nowhere, or not in `course_id`.

    """
    with ctx.db.transaction() as session:
        query = _visible(session, actor, select(MissingFile), course_id)
        rows = session.scalars(query.order_by(MissingFile.found_at.desc(), MissingFile.path))
        return [
            LostFile(row.path, FileKind(row.kind), row.subject, row.course_id, row.task_id, row.found_at)
            for row in rows
        ]


def count_missing_files(ctx: Context, actor: Actor, *, course_id: int | None = None) -> int:
    """How many `list_missing_files` would answer.

    Raises:
        NotSignedIn, NotAllowed, NotFound: as there.

    """
    with ctx.db.transaction() as session:
        return session.scalar(_visible(session, actor, select(func.count(MissingFile.path)), course_id)) or 0


def _visible(
    session: Session, actor: Actor, query: Select[*tuple[Any, ...]], course_id: int | None
) -> Select[*tuple[Any, ...]]:
    require(session, actor, Right.MONITOR, course_id=course_id)
    mine = courses_with(session, actor, Right.MONITOR) if course_id is None else [course_id]
    if mine is None:
        return query
    return query.where(MissingFile.course_id.is_(None) | MissingFile.course_id.in_(mine))


def _pages(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(things)
    return iter(lambda: list(islice(rest, _PAGE)), [])


def _remove_unknown(ctx: Context, paths: Collection[str]) -> list[str]:
    """Delete those of `paths` that no row names."""
    if not paths:
        return []
    named = (
        select(Task.original_path).where(Task.original_path.in_(paths)),
        select(TaskAttempt.file_path).where(TaskAttempt.file_path.in_(paths)),
        select(AssignmentStatement.path).where(AssignmentStatement.path.in_(paths)),
        needed_images(ctx).where(DefinitionStage.remote_storage_path.in_(paths)),
    )
    with ctx.db.transaction() as session:
        known = {path for query in named for path in session.scalars(query)}
    unknown = [path for path in paths if path not in known]
    with ctx.storage.session() as files:
        for path in unknown:
            files.delete(path)
    return unknown


def _record_missing(ctx: Context, listed: Collection[str], before: datetime) -> None:
    """Make the recorded rows say which files of rows older than `before` are neither listed nor there.

    A file that is not listed is asked for by its name: some servers cut long listings.
    """
    with ctx.db.transaction() as session:
        unlisted = [row for row in _expected(session, before) if row["path"] not in listed]
    with ctx.storage.session() as files:
        missing = [row for row in unlisted if files.size(row["path"]) is None]
    with ctx.db.transaction() as session:
        paths = [row["path"] for row in missing]
        session.execute(delete(MissingFile).where(MissingFile.path.not_in(paths)))
        for page in _pages(missing):
            rows = [row | {"found_at": ctx.now()} for row in _still_named(session, page)]
            if rows:
                session.execute(insert(MissingFile).on_conflict_do_nothing(), rows)
    if missing:
        logger.error("%d files that rows name are gone, such as %s", len(missing), missing[0]["path"])


def _still_named(session: Session, rows: Collection[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of `rows` whose task has not been deleted since, and is not until this transaction ends."""
    tasks = {row["task_id"] for row in rows} - {None}
    held = (
        select(Task.id).where(Task.id.in_(tasks)).order_by(Task.id).with_for_update(read=True, key_share=True)
    )
    left = {None, *session.scalars(held)}
    return [row for row in rows if row["task_id"] in left]


def _expected(session: Session, before: datetime) -> Iterator[dict[str, Any]]:
    """The columns of a `MissingFile` for each file that should be there."""
    for kind, query in _sources(before).items():
        for path, subject, course_id, task_id in session.execute(query.execution_options(yield_per=_PAGE)):
            values = {"subject": subject, "course_id": course_id, "task_id": task_id}
            yield {"path": path, "kind": kind.value} | values


def _sources(before: datetime) -> dict[FileKind, Select[*tuple[Any, ...]]]:
    """Path, subject, course and task of each file, by what it is."""
    return {
        FileKind.ORIGINAL: select(Task.original_path, Task.reference, Assignment.course_id, Task.id)
        .outerjoin(Assignment, Assignment.id == Task.assignment_id)
        .where(Task.stored_at == StoredAt.FTP, Task.creation_timestamp < before),
        FileKind.ATTEMPT: select(TaskAttempt.file_path, Task.reference, Assignment.course_id, Task.id)
        .join(Task, Task.id == TaskAttempt.task_id)
        .outerjoin(Assignment, Assignment.id == Task.assignment_id)
        .where(TaskAttempt.copied_at < before),
        FileKind.IMAGE: select(
            DefinitionStage.remote_storage_path, TaskDefinition.definition_name, null(), null()
        )
        .join(DefinitionVersion, DefinitionVersion.id == DefinitionStage.version_id)
        .join(
            TaskDefinition,
            and_(
                TaskDefinition.id == DefinitionVersion.definition_id,
                TaskDefinition.current_version == DefinitionVersion.number,
            ),
        )
        .where(DefinitionVersion.created_at < before),
        FileKind.STATEMENT: select(
            AssignmentStatement.path, Assignment.assignment_name, Assignment.course_id, null()
        )
        .join(Assignment, Assignment.id == AssignmentStatement.assignment_id)
        .where(AssignmentStatement.stored_at < before),
    }
