"""How long stages waited and ran, with the number of samples that a figure rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, cast, func, select

from core.context import Actor, Context
from core.models import ProcessingStage, TaskStageStatus
from core.services.monitoring.scope import Scope, at_stage, inside, joined, window

_SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Seconds below which half, 95 % and 99 % of `samples` lie; None without samples."""

    samples: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class StageLatency:
    """Of one stage: how long it waited and how long it ran."""

    stage_name: str
    waited: Percentiles
    ran: Percentiles


def measure_latency(ctx: Context, actor: Actor, scope: Scope) -> list[StageLatency]:
    """Each stage's times, in processing order, of the stages that ended within the scope's window."""
    waited = _seconds(TaskStageStatus.queued_at, TaskStageStatus.started_at)
    ran = _seconds(TaskStageStatus.started_at, TaskStageStatus.ended_at)
    with ctx.db.transaction() as session:
        query = (
            select(ProcessingStage.stage_name, *_figures(waited), *_figures(ran))
            .select_from(TaskStageStatus)
            .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        )
        rows = session.execute(
            joined(query)
            .where(
                *inside(session, actor, scope, windowed=False),
                *window(TaskStageStatus.ended_at, scope),
                *at_stage(scope),
                TaskStageStatus.ended_at.is_not(None),
            )
            .group_by(ProcessingStage.stage_name)
            .order_by(func.min(TaskStageStatus.position), ProcessingStage.stage_name)
        )
        return [
            StageLatency(name, Percentiles(*waits), Percentiles(*runs))
            for name, *rest in rows
            for waits, runs in [(rest[:4], rest[4:])]
        ]


def _seconds(
    start: ColumnElement[datetime | None] | object, end: ColumnElement[datetime | None] | object
) -> ColumnElement[float]:
    begun, ended = start, end
    span = func.extract("epoch", ended - begun)  # type: ignore[operator]  # columns of either nullability
    return cast(span, Float)


def _figures(seconds: ColumnElement[float]) -> list[ColumnElement[Any]]:
    percentiles = [func.percentile_cont(share).within_group(seconds) for share in _SHARES]
    known = and_(seconds.is_not(None), seconds >= 0)
    return [func.count().filter(known), *(one.filter(known) for one in percentiles)]
