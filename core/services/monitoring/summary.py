"""Figures for those who watch: how many wait, run, have passed and failed, were requeued.

A task *runs* when it has not ended and one of its stages is in progress; else, until it ends, it
*waits*. Stages after a failed one are not run and count in no waiting figure (contract 1.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select

from core.context import Actor, Context
from core.models import Assignment, ProcessingStage, Task, TaskAttempt, TaskStageStatus
from core.services.monitoring.queue import count_ended, count_under_way, outbox, seconds_since
from core.services.monitoring.requeues import requeue_rows
from core.services.monitoring.scope import Scope, at_stage, inside, joined, runs, waits, window
from core.vocabulary import StageStatus


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of tasks by what they do now, and of requeues. Times in seconds."""

    waiting: int
    running: int
    completed: int
    failed: int
    requeues: int
    outbox: int
    oldest_waiting_seconds: float | None


@dataclass(frozen=True, slots=True)
class StageCount:
    """One stage over all counted tasks, by the current attempt of each."""

    stage_name: str
    waiting: int
    running: int
    completed: int
    failed: int


@dataclass(frozen=True, slots=True)
class HourCount:
    """What happened within the hour that begins at `hour` (UTC)."""

    hour: datetime
    submitted: int
    completed: int
    failed: int
    requeued: int


def summarise(ctx: Context, actor: Actor, scope: Scope) -> Summary:
    """Counts over all tasks in `scope`; each task is in one of waiting, running, completed, failed."""
    with ctx.db.transaction() as session:
        conditions = inside(session, actor, scope)
        unwindowed = inside(session, actor, scope, windowed=False)
        now = count_under_way(session, conditions, scope)
        ended = count_ended(session, conditions, scope)
        return Summary(
            waiting=now.waiting,
            running=now.running,
            completed=ended.get(StageStatus.COMPLETED, 0),
            failed=ended.get(StageStatus.FAILED, 0),
            requeues=sum(row.count for row in requeue_rows(session, unwindowed, scope)),
            outbox=session.scalar(outbox(conditions)) or 0,
            oldest_waiting_seconds=seconds_since(ctx, now.oldest_waiting),
        )


def count_by_stage(ctx: Context, actor: Actor, scope: Scope) -> list[StageCount]:
    """Each stage's counts, in processing order."""
    with ctx.db.transaction() as session:
        conditions = inside(session, actor, scope)
        columns = (
            ProcessingStage.stage_name,
            func.count().filter(waits()),
            func.count().filter(runs()),
            func.count().filter(TaskStageStatus.status_id == StageStatus.COMPLETED),
            func.count().filter(TaskStageStatus.status_id == StageStatus.FAILED),
        )
        query = (
            select(*columns)
            .select_from(TaskStageStatus)
            .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        )
        rows = session.execute(
            joined(query)
            .where(*conditions, *at_stage(scope))
            .group_by(ProcessingStage.stage_name)
            .order_by(func.min(TaskStageStatus.position), ProcessingStage.stage_name)
        )
        return [StageCount(*row) for row in rows]


def count_by_hour(ctx: Context, actor: Actor, scope: Scope) -> list[HourCount]:
    """What was submitted, ended and requeued per hour, in order of time; empty hours are absent."""
    with ctx.db.transaction() as session:
        conditions = inside(session, actor, scope, windowed=False)
        hours: dict[datetime, dict[str, int]] = {}
        for name, moment, extra in (
            ("submitted", Task.creation_timestamp, None),
            ("completed", TaskAttempt.ended_at, Task.status_id == StageStatus.COMPLETED),
            ("failed", TaskAttempt.ended_at, Task.status_id == StageStatus.FAILED),
        ):
            hour = func.date_trunc("hour", moment)
            query = (
                select(hour, func.count())
                .select_from(Task)
                .join(Assignment, Assignment.id == Task.assignment_id)
                .join(
                    TaskAttempt,
                    and_(TaskAttempt.task_id == Task.id, TaskAttempt.number == Task.current_attempt),
                )
                .where(*conditions, *window(moment, scope), *([] if extra is None else [extra]))
                .where(moment.is_not(None))
                .group_by(hour)
            )
            for at, count in session.execute(query):
                hours.setdefault(at, {})[name] = count
        for row in requeue_rows(session, conditions, scope):
            counted = hours.setdefault(row.hour, {})
            counted["requeued"] = counted.get("requeued", 0) + row.count
        return [
            HourCount(
                at,
                **{name: hours[at].get(name, 0) for name in ("submitted", "completed", "failed", "requeued")},
            )
            for at in sorted(hours)
        ]
