"""Tasks that nothing is heard of any more.

A stage that is in progress should end within its time limit, or its node says that it did not; a
stage that waits should begin when those that came after it have begun. What takes longer than that and
a margin, learned from how long this stage of this definition has taken lately, is *stalled*: its node or
its message is lost. Whatever is heard afterwards ends that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.models import Assignment, Task
from core.services.attempts import add_log, notify_task
from core.services.monitoring.scope import Scope, inside
from core.services.requeues import has_room, live_attempt, open_next_attempt
from core.vocabulary import LogLevel, RequeueCause, StageStatus

LEAST_MARGIN = timedelta(minutes=1)

LONGEST_PAUSE = timedelta(days=1)
"""Between two requeues that nobody asked for."""

LEARNED_FROM = 200
"""The stage's latest runs, of which one in twenty may take longer than the margin."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """A task that nothing is heard of, and the last that was."""

    task_id: int
    reference: str
    stage_name: str
    silent_since: datetime
    last_heard: str | None
    attempt: int


def mark_stalled(ctx: Context, actor: Actor) -> list[int]:
    """Mark what has become stalled; the tasks. Requeue where the definition says so and the pause is over.

    The first such requeue of a task comes at once, each further one later than the one before, so that
    what takes down every node is not handed from one to the next without end. A task whose report is
    being applied this very moment is not silent and is passed over.

    Raises:
        DatabaseUnavailable: nothing was changed.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.MARK_STALLED)
        silent = [row.task_id for row in _silent(session, ctx)]
        locked = session.scalars(
            select(Task)
            .where(Task.id == func.any(silent))
            .order_by(Task.id)
            .with_for_update(skip_locked=True)
        )
        tasks = {task.id: task for task in locked}
        margins: dict[tuple[int, int, bool], timedelta] = {}
        stalled = [
            row for row in _silent(session, ctx, among=list(tasks)) if _is_overdue(session, ctx, row, margins)
        ]
        for row in stalled:
            _mark(session, ctx, tasks[row.task_id], row)
        _requeue_due(session, ctx)
        return [row.task_id for row in stalled]


def list_stalled(ctx: Context, actor: Actor, scope: Scope) -> list[Stalled]:
    """The stalled tasks within `scope`, the longest silent first.

    Raises:
        NotAllowed, NotFound: the actor may not watch these.

    """
    with ctx.db.transaction() as session:
        conditions = inside(session, actor, scope)
        rows = session.execute(text(_LIST)).all()
        visible = _visible(session, conditions, [row.task_id for row in rows])
        return [
            Stalled(row.task_id, row.reference, row.stage_name, row.silent_since, row.last_heard, row.attempt)
            for row in rows
            if row.task_id in visible
        ]


def _visible(session: Session, conditions: Sequence[Any], task_ids: list[int]) -> set[int]:
    query = select(Task.id).join(Assignment, Assignment.id == Task.assignment_id)
    return set(session.scalars(query.where(*conditions, Task.id == func.any(task_ids))))


_LIVE = """
SELECT t.id AS task_id, t.reference, a.number AS attempt, a.stalled_at, v.definition_id,
    s.stage_id, p.stage_name, s.status_id, s.queued_at, ds.timeout_seconds, said.log_message AS last_heard,
    greatest(a.published_at, s.queued_at, s.started_at, said.logged_at) AS silent_since
FROM task_attempt a
JOIN task t ON t.id = a.task_id
JOIN definition_version v ON v.id = a.version_id
JOIN task_definition d ON d.id = v.definition_id
JOIN LATERAL (
    SELECT * FROM task_stage_status WHERE attempt_id = a.id AND status_id <> 3 ORDER BY position LIMIT 1
) s ON true
JOIN processing_stage p ON p.id = s.stage_id
JOIN definition_stage ds ON ds.version_id = a.version_id AND ds.stage_id = s.stage_id
LEFT JOIN LATERAL (
    SELECT log_message, logged_at FROM task_log
    WHERE task_id = t.id AND attempt = a.number AND source = 'orchestrator' ORDER BY id DESC LIMIT 1
) said ON true
WHERE a.ended_at IS NULL AND a.closed_at IS NULL AND a.published_at IS NOT NULL
"""

_DUE = f"""
SELECT task_id FROM ({_LIVE} AND a.stalled_at IS NOT NULL AND d.requeue_stalled
    AND a.number = t.current_attempt) live
WHERE stalled_at <= CAST(:now AS timestamptz) - (
    SELECT CASE WHEN count(*) = 0 THEN interval '0' ELSE least(
        CAST(:longest AS interval), CAST(:pause AS interval) * power(2, least(count(*), 30) - 1)) END
    FROM requeue_event e WHERE e.task_id = live.task_id AND e.cause = 'node_lost' AND e.run = 1)
ORDER BY task_id
"""
"""Our own requeues begin with run 1; a later run with this cause was the broker's doing."""

_LIST = f"SELECT * FROM ({_LIVE} AND a.stalled_at IS NOT NULL) live ORDER BY silent_since"

_SILENT = f"""
SELECT * FROM ({_LIVE} AND a.stalled_at IS NULL) live
WHERE silent_since < CAST(:now AS timestamptz) - make_interval(secs => timeout_seconds) - :margin
    AND (CAST(:among AS bigint[]) IS NULL OR task_id = ANY(:among))
ORDER BY task_id
"""

_LEARNED = """
SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY took) FROM (
    SELECT CASE WHEN :waiting THEN s.started_at - s.queued_at ELSE s.ended_at - s.started_at END AS took
    FROM task_stage_status s
    JOIN task t ON t.id = s.task_id AND t.assignment_id IS NOT NULL
    JOIN task_attempt a ON a.id = s.attempt_id
    JOIN definition_version v ON v.id = a.version_id
    WHERE v.definition_id = :definition_id AND s.stage_id = :stage_id AND s.ended_at IS NOT NULL
    ORDER BY s.ended_at DESC LIMIT :learned_from
) lately
"""

_OVERTAKEN = """
SELECT min(s.started_at) FROM task_stage_status s
JOIN task t ON t.id = s.task_id AND t.assignment_id IS NOT NULL
JOIN task_attempt a ON a.id = s.attempt_id
JOIN definition_version v ON v.id = a.version_id
WHERE v.definition_id = :definition_id AND s.stage_id = :stage_id AND s.queued_at > :queued_at
    AND s.started_at IS NOT NULL
"""


def _silent(session: Session, ctx: Context, among: list[int] | None = None) -> Sequence[Row[Any]]:
    """Live attempts that were silent for longer than the time limit of the stage that they stand at."""
    values = {"now": ctx.now(), "margin": LEAST_MARGIN, "among": among}
    return session.execute(text(_SILENT), values).all()


def _is_overdue(
    session: Session, ctx: Context, row: Row[Any], margins: dict[tuple[int, int, bool], timedelta]
) -> bool:
    """Whether the margin is over, too. What waits is overdue only when others have overtaken it."""
    waiting = row.status_id == StageStatus.PENDING
    key = (row.definition_id, row.stage_id, waiting)
    stage: Mapping[str, object] = {"definition_id": row.definition_id, "stage_id": row.stage_id}
    if key not in margins:
        learned = session.scalar(text(_LEARNED), {**stage, "waiting": waiting, "learned_from": LEARNED_FROM})
        margins[key] = max(LEAST_MARGIN, learned or LEAST_MARGIN)
    since = row.silent_since
    if waiting:
        overtaken = session.scalar(text(_OVERTAKEN), {**stage, "queued_at": row.queued_at})
        if overtaken is None:
            return False
        since = max(since, overtaken)
    allowed = timedelta(seconds=row.timeout_seconds) + margins[key]
    return bool(ctx.now() - since > allowed)


def _mark(session: Session, ctx: Context, task: Task, row: Row[Any]) -> None:
    attempt = live_attempt(session, task)
    attempt.stalled_at = ctx.now()
    minutes = int((ctx.now() - row.silent_since).total_seconds() // 60)
    last = f"the last was: {row.last_heard}" if row.last_heard else "nothing at all so far"
    add_log(
        session,
        attempt,
        f"Stalled: nothing heard for {minutes} min; {last}",
        at=ctx.now(),
        level=LogLevel.WARNING,
        stage_id=row.stage_id,
    )
    session.flush()
    notify_task(session, task)


def _requeue_due(session: Session, ctx: Context) -> None:
    pause = timedelta(seconds=ctx.settings.requeue_pause_seconds)

    def due() -> list[int]:
        return list(session.scalars(text(_DUE), {"now": ctx.now(), "pause": pause, "longest": LONGEST_PAUSE}))

    locked = session.scalars(
        select(Task).where(Task.id == func.any(due())).order_by(Task.id).with_for_update(skip_locked=True)
    ).all()
    still = set(due())  # a report may have been applied before we had the lock
    for task in locked:
        if task.id in still and has_room(session, ctx, task):
            open_next_attempt(session, ctx, task, RequeueCause.NODE_LOST)
            notify_task(session, task)
