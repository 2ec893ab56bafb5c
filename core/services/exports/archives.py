"""All originals or all results of the students that match, as one ZIP that is made while it is sent.

No file is held in memory or on disk. The archive ends with a list of what is in it, so that a file
that could not be read is named there and spoils nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from zipstream import ZIP_STORED, ZipStream

from core.auth import Right, require
from core.context import Actor, Context
from core.db import natural
from core.errors import NotFound
from core.models import Assignment, Task, TaskAttempt, User
from core.services import originals
from core.services.downloads import Download
from core.services.exports.tables import as_csv
from core.services.submissions.rows import course_of
from core.services.submissions.students import StudentFilter, matching
from core.vocabulary import StoredAt

INDEX = "index.csv"
_HEADER = (
    "folder",
    "student",
    "code",
    "name",
    "reference",
    "submitted",
    "file",
    "attempt",
    "sha256",
    "problem",
)


class Contents(StrEnum):
    """What an archive is made of."""

    ORIGINALS = "originals"
    RESULTS = "results"
    """The archive of the current attempt, with what the stages left in it; once it has ended."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    path: str
    row: tuple[str | int, ...]
    kept: Task | None = None
    """The submission whose original has not come to the file server yet."""


def open_archive(
    ctx: Context, actor: Actor, wanted: StudentFilter, contents: Contents, *, language: str = "en"
) -> Download:
    """Return the submission of every student that matches, in a folder by the student's e-mail.

    Folders and names are the same each time. Without any match the archive holds only its index, a
    CSV as Excel in `language` opens it.

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course.
        NotAllowed: students do not see each other.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_ANY_FILE, course_id=course_of(session, wanted.assignment_id))
        found = matching(wanted).subquery()
        query = (
            select(Task, TaskAttempt, User)
            .join(found, found.c.task_id == Task.id)
            .join(User, User.id == Task.created_by_id)
            .join(
                TaskAttempt,
                (TaskAttempt.task_id == Task.id) & (TaskAttempt.number == Task.current_attempt),
            )
            .order_by(natural(User.email))
        )
        if contents is Contents.RESULTS:
            query = query.where(TaskAttempt.ended_at.is_not(None))
        rows = session.execute(query).all()
        name = session.get_one(Assignment, wanted.assignment_id).assignment_name
        members = [_member(task, attempt, student, contents) for task, attempt, student in rows]
    filename = f"{_plain(name)}-{contents}.zip"
    return Download(filename, None, lambda _offset: _pieces(ctx, members, language))


def _member(task: Task, attempt: TaskAttempt, student: User, contents: Contents) -> _Member:
    folder = _folder(student)
    if contents is Contents.ORIGINALS:
        file, path, sha256 = f"{task.reference}.zip", task.original_path, task.original_sha256
    else:
        file, path, sha256 = f"{task.reference}-attempt-{attempt.number}.zip", attempt.file_path, ""
    submitted = task.creation_timestamp.isoformat()
    who = (student.email, student.student_code or "", student.full_name)
    row = (folder, *who, task.reference, submitted, file, attempt.number, sha256)
    is_kept = contents is Contents.ORIGINALS and task.stored_at == StoredAt.POSTGRES
    return _Member(f"{folder}/{_plain(file)}", path, row, kept=task if is_kept else None)


def _folder(student: User) -> str:
    """Return a name that no other student's folder has: the address, with the id where it had to change."""
    plain = _plain(student.email)
    return plain if plain == student.email else f"{plain}-{student.id}"


def _plain(name: str) -> str:
    """A name that every file system takes, and no path."""
    return re.sub(r"[^\w@+.-]+", "_", name).strip(".") or "_"


def _pieces(ctx: Context, members: list[_Member], language: str) -> Generator[bytes, None, None]:
    archive = ZipStream(compress_type=ZIP_STORED)
    rows = []
    with ctx.storage.session() as files:
        for member in members:
            try:
                content = originals.stream(ctx, member.kept) if member.kept else files.stream(member.path)
            except NotFound as error:
                rows.append((*member.row, error.sentence(language)))
                continue
            rows.append((*member.row, ""))
            archive.add(content, member.name)
            yield from archive.all_files()
    archive.add(as_csv(_HEADER, rows, language=language), INDEX)
    yield from archive.finalize()
