"""How often tasks were run again, when, at which stage, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.models import ProcessingStage
from core.services.monitoring.counting import counted, whole_sum
from core.services.monitoring.scope import Scope, at_stage
from core.services.monitoring.sources import Kind
from core.vocabulary import RequeueCause

K = TypeVar("K")

NO_STAGE = "none"
"""Stands for the stage of a requeue that came when all stages were complete."""


@dataclass(frozen=True, slots=True)
class RequeueCount:
    """Requeues of one hour and stage with one cause."""

    hour: datetime
    stage_name: str | None
    cause: RequeueCause
    count: int


@dataclass(frozen=True, slots=True)
class RequeueFigures:
    """Requeues summed up; what never happened is absent. Hours (UTC) are in order of time."""

    total: int
    by_cause: dict[RequeueCause, int]
    by_stage: dict[str, int]
    by_hour: tuple[tuple[datetime, int], ...]


def count_requeues(ctx: Context, actor: Actor, scope: Scope) -> list[RequeueCount]:
    """Requeues by hour, stage and cause, in order of time."""
    with ctx.db.transaction() as session:
        return requeue_rows(session, actor, scope)


def sum_requeues(ctx: Context, actor: Actor, scope: Scope) -> RequeueFigures:
    """Requeues within `scope`, by each of hour, stage and cause."""
    rows = count_requeues(ctx, actor, scope)
    by_hour = _sum((row.hour, row.count) for row in rows)
    return RequeueFigures(
        total=sum(row.count for row in rows),
        by_cause=_sum((row.cause, row.count) for row in rows),
        by_stage=_sum((row.stage_name or NO_STAGE, row.count) for row in rows),
        by_hour=tuple(sorted(by_hour.items())),
    )


def _sum(counts: Iterable[tuple[K, int]]) -> dict[K, int]:
    sums: dict[K, int] = {}
    for key, count in counts:
        sums[key] = sums.get(key, 0) + count
    return sums


def requeue_rows(session: Session, actor: Actor, scope: Scope) -> list[RequeueCount]:
    """As `count_requeues`, within a transaction. Requeues count by their own moment."""
    found = counted(session, actor, scope, Kind.REQUEUED)
    rows = session.execute(
        select(found.c.at, ProcessingStage.stage_name, found.c.detail, whole_sum(found.c.count))
        .select_from(found)
        .outerjoin(ProcessingStage, ProcessingStage.id == found.c.stage_id)
        .where(*at_stage(scope, found.c.stage_id))
        .group_by(found.c.at, ProcessingStage.stage_name, found.c.detail)
        .order_by(found.c.at, ProcessingStage.stage_name, found.c.detail)
    )
    return [RequeueCount(at, stage, RequeueCause(cause), count) for at, stage, cause, count in rows]
