"""Dry runs: a sample goes through all stages of a definition, and counts for nothing.

A dry run is a task without an assignment, so that copy, relay, reports and results treat it as any
other, while no list, figure or notice, all of which begin at assignments, can know of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotFound, TooManyDryRuns
from core.models import DefinitionVersion, Task, TaskAttempt, TaskDefinition, User
from core.services.leftovers import note_unneeded
from core.services.submissions.accepting import Place, Receipt, Terms, accept
from core.vocabulary import StageStatus

KEPT = timedelta(days=7)
"""How long one can look at a dry run; the sweep removes it then."""

SHOWN = 5
"""So many of the latest dry runs are listed."""

MOST_UNDER_WAY = 3
"""Dry runs of one person that may be under way at once: the nodes are there for students."""

_RECEIVED = "Sample received and stored for a dry run"


@dataclass(frozen=True, slots=True)
class DryRun:
    """One dry run, as a list shows it. `version`: of the definition, when it was begun."""

    task_id: int
    reference: str
    file_name: str
    size: int
    begun_at: datetime
    status: StageStatus
    version: int


def check_may_start(ctx: Context, actor: Actor, definition_id: int, _key: str | None = None) -> None:
    """Refuse a dry run before its bytes travel; `start` checks again, its limit too.

    Raises:
        NotAllowed: professors only. NotFound: there is no such definition.

    """
    with ctx.db.transaction() as session:
        _check(session, actor, definition_id)


def start(
    ctx: Context, actor: Actor, definition_id: int, file: BinaryIO, *, file_name: str, submit_key: str
) -> Receipt:
    """Send the sample `file` through the current version of a definition, once per `submit_key`.

    Raises:
        NotAllowed: professors only. NotFound: there is no such definition.
        TooManyDryRuns: as many of theirs are under way as may be.
        KeyInUse: the key belongs to another file or place.
        BadArchive, TooLarge: the file cannot be accepted; nothing was kept.
        StorageUnavailable, DatabaseUnavailable: try again; nothing was accepted.

    """

    def admit(session: Session, _at: datetime, lock: bool) -> Terms:
        _check(session, actor, definition_id)
        _check_room(session, actor, lock=lock)
        return Terms(_RECEIVED)

    check_may_start(ctx, actor, definition_id)
    place = Place(dry_run_of=definition_id)
    return accept(ctx, actor, place, file, file_name=file_name, submit_key=submit_key, admit=admit)


def list_dry_runs(ctx: Context, actor: Actor, definition_id: int) -> tuple[DryRun, ...]:
    """The actor's own latest dry runs of a definition, the newest first.

    Those of others are not told: a sample may be the work of a student of theirs.

    Raises:
        NotAllowed: professors only. NotFound: there is no such definition.

    """
    with ctx.db.transaction() as session:
        _check(session, actor, definition_id)
        rows = session.execute(
            select(Task, DefinitionVersion.number)
            .join(TaskAttempt, TaskAttempt.task_id == Task.id)
            .join(DefinitionVersion, DefinitionVersion.id == TaskAttempt.version_id)
            .where(
                Task.dry_run_of == definition_id,
                Task.created_by_id == actor.user_id,
                TaskAttempt.number == Task.current_attempt,
            )
            .order_by(Task.id.desc())
            .limit(SHOWN)
        )
        return tuple(
            DryRun(
                task_id=task.id,
                reference=task.reference,
                file_name=task.original_name,
                size=task.original_size,
                begun_at=task.creation_timestamp,
                status=StageStatus(task.status_id),
                version=version,
            )
            for task, version in rows
        )


def remove_old(session: Session, ctx: Context) -> None:
    """Remove the dry runs that were kept for long enough, with their files."""
    remove(session, ctx, Task.creation_timestamp < ctx.now() - KEPT)


def remove(session: Session, ctx: Context, which: ColumnElement[bool]) -> None:
    """Remove the dry runs of which `which` is true, with their files."""
    ids = select(Task.id).where(Task.dry_run_of.is_not(None), which)
    tasks = session.scalars(ids.order_by(Task.id).with_for_update()).all()
    if not tasks:
        return
    files = (
        select(Task.original_path).where(Task.id.in_(tasks)),
        select(TaskAttempt.file_path).where(TaskAttempt.task_id.in_(tasks)),
    )
    note_unneeded(session, ctx, {path for query in files for path in session.scalars(query)})
    session.execute(delete(Task).where(Task.id.in_(tasks)))


def _check(session: Session, actor: Actor, definition_id: int) -> None:
    require(session, actor, Right.DRY_RUN)
    if session.get(TaskDefinition, definition_id) is None:
        raise NotFound(what="task definition")


def _check_room(session: Session, actor: Actor, *, lock: bool) -> None:
    if lock:  # two at once would not see each other
        session.get_one(User, actor.user_id, with_for_update={"key_share": True})
    under_way = session.scalar(
        select(func.count(Task.id)).where(
            Task.dry_run_of.is_not(None),
            Task.created_by_id == actor.user_id,
            Task.status_id.in_((StageStatus.PENDING, StageStatus.IN_PROGRESS)),
        )
    )
    if (under_way or 0) >= MOST_UNDER_WAY:
        raise TooManyDryRuns(limit=MOST_UNDER_WAY)
