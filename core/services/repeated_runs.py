"""What goes wrong when an attempt runs more than once: crashes without end, and results without files.

A node that is set to requeue rejected tasks gets a task that crashes it again and again. Runs that overlap
write over the same archive, and one of them may leave it without the student's files.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, func, select, text, update
from sqlalchemy.orm import Session

from core import archive
from core.auth import Right, require
from core.context import Actor, Context
from core.errors import BadArchive, NotFound
from core.models import Assignment, Task, TaskAttempt
from core.services import originals
from core.services.attempts import add_log, notify_task
from core.services.monitoring.scope import Scope, inside
from core.vocabulary import LogLevel, StageStatus

SETTLED_AFTER = timedelta(minutes=2)
"""How long after its result an archive is read: a run that overlaps may still write it."""

AT_ONCE = 20
NAMES_SHOWN = 3

logger = logging.getLogger(__name__)

_LOOPING = """
SELECT a.task_id FROM task_attempt a
WHERE a.closed_at IS NULL AND a.crash_loop_at IS NULL AND a.run > 2 AND a.run > :most
ORDER BY a.task_id
"""

_LAST_REASON = """
SELECT log_message FROM task_log
WHERE task_id = :task_id AND attempt = :attempt AND level = 'error' ORDER BY id DESC LIMIT 1
"""


def mark_crash_loops(ctx: Context, actor: Actor) -> list[int]:
    """Mark attempts that were handed out `ULOS_MAX_CRASHES` times after their first run; their tasks.

    Raises:
        DatabaseUnavailable: nothing was changed.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MARK_STALLED)
        found = session.scalars(text(_LOOPING), {"most": ctx.settings.max_crashes}).all()
        tasks = session.scalars(
            select(Task)
            .where(Task.id == func.any(list(found)), Task.status_id != StageStatus.COMPLETED)
            .order_by(Task.id)
            .with_for_update(skip_locked=True)
        ).all()
        for task in tasks:
            _mark_looping(session, ctx, task)
        return [task.id for task in tasks]


def _mark_looping(session: Session, ctx: Context, task: Task) -> None:
    attempt = session.scalars(
        select(TaskAttempt).where(TaskAttempt.task_id == task.id, TaskAttempt.closed_at.is_(None))
    ).one()
    attempt.crash_loop_at = ctx.now()
    values = {"task_id": task.id, "attempt": attempt.number}
    reason = session.scalar(text(_LAST_REASON), values) or "the nodes gave none"
    message = f"Handed out {attempt.run} times without a result; the last reason: {reason}"
    add_log(session, attempt, message, at=ctx.now(), level=LogLevel.ERROR)
    session.flush()
    notify_task(session, task)


@dataclass(frozen=True, slots=True)
class Troubled:
    """A task that crashes without end or, where `lack` names files, whose results are not complete."""

    task_id: int
    reference: str
    runs: int
    lack: tuple[str, ...]


def list_troubled(ctx: Context, actor: Actor, scope: Scope) -> list[Troubled]:
    """Return the marked tasks within `scope` that count and have not been run again, the latest first.

    Raises:
        NotAllowed, NotFound: the actor may not watch these.

    """
    lacks = func.cardinality(TaskAttempt.results_lack) > 0
    with ctx.db.transaction() as session:
        rows = session.execute(
            select(Task.id, Task.reference, TaskAttempt.run, TaskAttempt.results_lack)
            .join(Assignment, Assignment.id == Task.assignment_id)
            .join(
                TaskAttempt,
                (TaskAttempt.task_id == Task.id) & (TaskAttempt.number == Task.current_attempt),
            )
            .where(
                *inside(session, actor, scope),
                TaskAttempt.run > 1,
                TaskAttempt.closed_at.is_(None),
                case(
                    (Task.status_id == StageStatus.COMPLETED, lacks),
                    else_=TaskAttempt.crash_loop_at.is_not(None),
                ),
            )
            .order_by(Task.id.desc())
        ).all()
    return [Troubled(row.id, row.reference, row.run, tuple(row.results_lack)) for row in rows]


def check_results(ctx: Context, actor: Actor) -> list[int]:
    """Mark completed tasks whose archive lacks files of the student after several runs; which they are.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the rest is checked at the next turn.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MARK_STALLED)
        rows = session.execute(
            select(TaskAttempt, Task)
            .join(Task, Task.id == TaskAttempt.task_id)
            .where(
                TaskAttempt.run > 1,
                TaskAttempt.results_checked_at.is_(None),
                TaskAttempt.closed_at.is_(None),
                TaskAttempt.ended_at < ctx.now() - SETTLED_AFTER,
                Task.status_id == StageStatus.COMPLETED,
            )
            .order_by(TaskAttempt.id)
            .limit(AT_ONCE)
        ).all()
    marked = []
    for attempt, task in rows:
        lacking = _missing_files(ctx, attempt, task)
        if _record(ctx, attempt, task, lacking):
            marked.append(task.id)
    return marked


def _missing_files(ctx: Context, attempt: TaskAttempt, task: Task) -> list[str]:
    """Return the files of the original that the archive of the attempt lacks."""
    try:
        with tempfile.TemporaryFile() as file:
            for piece in originals.stream(ctx, task):
                file.write(piece)
            wanted = _names(archive.list_members(file))
    except (NotFound, BadArchive):
        return []  # an original that is gone is reported elsewhere
    try:
        with tempfile.TemporaryFile() as file:
            ctx.storage.download_to(attempt.file_path, file)
            there = _names(archive.list_members(file))
    except (NotFound, BadArchive):
        there = set()
    inner = {name.split("/", 1)[-1] for name in there}
    return sorted(
        name for name in wanted if name not in there and name not in inner and _without_top(name) not in there
    )


def _names(members: Collection[archive.MemberInfo]) -> set[str]:
    return {member.name for member in members}


def _without_top(name: str) -> str:
    return name.split("/", 1)[-1]


def _record(ctx: Context, attempt: TaskAttempt, task: Task, lacking: list[str]) -> bool:
    with ctx.db.transaction() as session:
        locked = session.get(Task, task.id, with_for_update=True)
        recorded = session.scalar(
            update(TaskAttempt)
            .where(
                TaskAttempt.id == attempt.id,
                TaskAttempt.run == attempt.run,
                TaskAttempt.ended_at == attempt.ended_at,
            )
            .values(results_checked_at=ctx.now(), results_lack=lacking)
            .returning(TaskAttempt.id)
        )
        if locked is None or recorded is None or not lacking:
            return False
        some = ", ".join(lacking[:NAMES_SHOWN])
        found = f"The results lack {len(lacking)} files of the submission after {attempt.run} runs"
        add_log(session, attempt, f"{found}, such as {some}", at=ctx.now(), level=LogLevel.WARNING)
        session.flush()
        notify_task(session, locked)
        return True
