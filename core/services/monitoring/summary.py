"""Figures for those who watch: how many wait, run, have passed and failed, were requeued.

A task *runs* when it has not ended and one of its stages is in progress; else, until it ends, it
*waits*. Stages after a failed one are not run and count in no waiting figure (contract 1.1).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from core.context import Actor, Context
from core.models import DefinitionStage, ProcessingStage, TaskStageStatus
from core.services.monitoring.counting import counted, whole_sum
from core.services.monitoring.queue import count_ended, count_under_way, outbox, seconds_since
from core.services.monitoring.scope import Scope, at_stage, inside, is_under_way, joined, runs, waits
from core.services.monitoring.sources import Kind
from core.vocabulary import StageStatus, TimeSpan


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
        now = count_under_way(session, conditions, scope)
        ended = count_ended(session, actor, scope)
        requeues = counted(session, actor, scope, Kind.REQUEUED)
        total = select(whole_sum(requeues.c.count)).where(*at_stage(scope, requeues.c.stage_id))
        return Summary(
            waiting=now.waiting,
            running=now.running,
            completed=ended.get(StageStatus.COMPLETED, 0),
            failed=ended.get(StageStatus.FAILED, 0),
            requeues=session.scalar(total) or 0,
            outbox=session.scalar(outbox(conditions)) or 0,
            oldest_waiting_seconds=seconds_since(ctx, now.oldest_waiting),
        )


def count_by_stage(ctx: Context, actor: Actor, scope: Scope) -> list[StageCount]:
    """Each stage's counts, in processing order."""
    with ctx.db.transaction() as session:
        conditions = [*inside(session, actor, scope), *at_stage(scope)]
        columns = (TaskStageStatus.stage_id, func.count().filter(waits()), func.count().filter(runs()))
        moving = joined(select(*columns).select_from(TaskStageStatus)).where(*conditions, is_under_way())
        now = {
            stage: (waiting, running)
            for stage, waiting, running in session.execute(moving.group_by(TaskStageStatus.stage_id))
        }
        found = counted(session, actor, scope, Kind.STAGE)
        order = (
            select(DefinitionStage.stage_id, func.min(DefinitionStage.position).label("position"))
            .group_by(DefinitionStage.stage_id)
            .subquery()
        )
        rows = session.execute(
            select(
                ProcessingStage.id,
                ProcessingStage.stage_name,
                *(
                    whole_sum(case((found.c.detail == str(int(status)), found.c.count), else_=0))
                    for status in (StageStatus.COMPLETED, StageStatus.FAILED)
                ),
            )
            .select_from(found)
            .join(ProcessingStage, ProcessingStage.id == found.c.stage_id)
            .outerjoin(order, order.c.stage_id == ProcessingStage.id)
            .where(*at_stage(scope, found.c.stage_id))
            .group_by(ProcessingStage.id, order.c.position)
            .order_by(order.c.position, ProcessingStage.stage_name)
        )
        return [StageCount(name, *now.get(stage, (0, 0)), *ended) for stage, name, *ended in rows]


def count_by_hour(
    ctx: Context, actor: Actor, scope: Scope, *, span: TimeSpan = TimeSpan.HOUR, zone: str = "UTC"
) -> list[HourCount]:
    """What was submitted, ended and requeued per hour, in order of time; empty hours are absent.

    `span`: `day` or `week` sums them up as they fall in `zone`.
    """
    sums: dict[datetime, Counter[str]] = {}
    with ctx.db.transaction() as session:
        for kind in (Kind.SUBMITTED, Kind.ENDED, Kind.REQUEUED):
            found = counted(session, actor, scope, kind)
            at = func.date_trunc(span.value, found.c.at, zone)
            staged = [] if kind is not Kind.REQUEUED else at_stage(scope, found.c.stage_id)
            counts = select(at, found.c.detail, whole_sum(found.c.count)).where(*staged)
            for moment, detail, count in session.execute(counts.group_by(at, found.c.detail)):
                sums.setdefault(moment, Counter())[_COLUMN_OF.get((kind, detail), kind.value)] += count
    return [
        HourCount(at, **{name: sums[at][name] for name in ("submitted", "completed", "failed", "requeued")})
        for at in sorted(sums)
    ]


_COLUMN_OF = {
    (Kind.ENDED, "completed"): "completed",
    (Kind.ENDED, "failed"): "failed",
    (Kind.ENDED, "crashed"): "failed",
}
