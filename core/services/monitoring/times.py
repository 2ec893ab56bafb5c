"""How long stages waited and ran, as a whole and over time, with the number of samples of each figure.

Within a course the figures are exact. Over the whole platform, days that are over are read from bins of
their tally: those percentiles are off by 2 % at most, and the numbers of samples are exact all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, and_, cast, func, null, select
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.models import DefinitionStage, ProcessingStage, TaskStageStatus
from core.services.monitoring.counting import counted, is_whole, tallied_spans, whole_sum
from core.services.monitoring.scope import Scope, at_stage, inside, joined, window
from core.services.monitoring.sources import Kind, middle_of, ran_seconds, waited_seconds
from core.vocabulary import TimeSpan

_LENGTHS = {
    TimeSpan.HOUR: timedelta(hours=1),
    TimeSpan.DAY: timedelta(days=1),
    TimeSpan.WEEK: timedelta(days=7),
}
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


@dataclass(frozen=True, slots=True)
class LatencyPoint:
    """As `StageLatency`, of the stages that ended within the hour, day or week from `at` on.

    `is_open`: that span is not over yet, so more may come.
    """

    at: datetime
    is_open: bool
    stage_name: str
    waited: Percentiles
    ran: Percentiles


_NOTHING = Percentiles(0, None, None, None)
_Measured = dict[tuple[datetime | None, int], tuple[Percentiles, Percentiles]]


def measure_latency(ctx: Context, actor: Actor, scope: Scope) -> list[StageLatency]:
    """Each stage's times, in processing order, of the stages that ended within the scope's window."""
    with ctx.db.transaction() as session:
        measured = _measure(session, actor, scope, None)
        return [
            StageLatency(name, *measured[None, stage])
            for stage, name in _in_order(session)
            if (None, stage) in measured
        ]


def trace_latency(
    ctx: Context, actor: Actor, scope: Scope, span: TimeSpan, *, zone: str = "UTC"
) -> list[LatencyPoint]:
    """Return each stage's times per `span`, in order of time and then of processing; empty spans are absent.

    Days and weeks are those of `zone`, except over the whole platform, where they are those of UTC
    (`latency_zone`).
    """
    with ctx.db.transaction() as session:
        measured = _measure(session, actor, scope, span, zone)
        stages = _in_order(session)
        return [
            LatencyPoint(at, at + _LENGTHS[span] > ctx.now(), name, *measured[at, stage])
            for at in sorted({at for at, _ in measured if at is not None})
            for stage, name in stages
            if (at, stage) in measured
        ]


def latency_zone(ctx: Context, actor: Actor, scope: Scope, span: TimeSpan, zone: str) -> str:
    """Return the zone whose days and weeks `trace_latency` counts by: tallied days are those of UTC."""
    with ctx.db.transaction() as session:
        return "UTC" if _is_tallied(session, actor, scope, span) else zone


def _in_order(session: Session) -> list[tuple[int, str]]:
    rows = session.execute(
        select(ProcessingStage.id, ProcessingStage.stage_name)
        .outerjoin(DefinitionStage, DefinitionStage.stage_id == ProcessingStage.id)
        .group_by(ProcessingStage.id)
        .order_by(func.min(DefinitionStage.position), ProcessingStage.stage_name)
    )
    return [(stage, name) for stage, name in rows]


def _is_tallied(session: Session, actor: Actor, scope: Scope, span: TimeSpan | None) -> bool:
    whole_days = span is not TimeSpan.HOUR and is_whole(session, actor, scope)
    return whole_days and bool(tallied_spans(session, scope))


def _measure(
    session: Session, actor: Actor, scope: Scope, span: TimeSpan | None, zone: str = "UTC"
) -> _Measured:
    if not _is_tallied(session, actor, scope, span):
        return _measure_rows(session, actor, scope, span, zone)
    both = [_measure_bins(session, actor, scope, span, kind) for kind in (Kind.WAITED, Kind.RAN)]
    waited, ran = both
    return {key: (waited.get(key, _NOTHING), ran.get(key, _NOTHING)) for key in waited.keys() | ran.keys()}


def _measure_rows(
    session: Session, actor: Actor, scope: Scope, span: TimeSpan | None, zone: str
) -> _Measured:
    ended = TaskStageStatus.ended_at
    raw = (
        joined(
            select(
                _start(span, ended, zone).label("at"),
                TaskStageStatus.stage_id.label("stage_id"),
                waited_seconds().label("waited"),
                ran_seconds().label("ran"),
            ).select_from(TaskStageStatus)
        )
        .where(
            *inside(session, actor, scope, windowed=False),
            *window(ended, scope),
            *at_stage(scope),
            ended.is_not(None),
        )
        .subquery()
    )
    rows = session.execute(
        select(raw.c.at, raw.c.stage_id, *_figures(raw.c.waited), *_figures(raw.c.ran)).group_by(
            raw.c.at, raw.c.stage_id
        )
    )
    return {
        (at, stage): (Percentiles(*figures[:4]), Percentiles(*figures[4:])) for at, stage, *figures in rows
    }


def _measure_bins(
    session: Session, actor: Actor, scope: Scope, span: TimeSpan | None, kind: Kind
) -> dict[tuple[datetime | None, int], Percentiles]:
    found = counted(session, actor, scope, kind)
    raw = (
        select(
            _start(span, found.c.at, "UTC").label("at"),
            found.c.stage_id,
            cast(found.c.detail, Integer).label("bin"),
            found.c.count,
        )
        .where(*at_stage(scope, found.c.stage_id))
        .subquery()
    )
    bins = (
        select(raw.c.at, raw.c.stage_id, raw.c.bin, whole_sum(raw.c.count).label("count"))
        .group_by(raw.c.at, raw.c.stage_id, raw.c.bin)
        .subquery()
    )
    place = (bins.c.at, bins.c.stage_id)
    ranked = select(
        *place,
        bins.c.bin,
        func.sum(bins.c.count).over(partition_by=place, order_by=bins.c.bin).label("up_to"),
        func.sum(bins.c.count).over(partition_by=place).label("total"),
    ).subquery()
    rows: Sequence[Any] = session.execute(
        select(
            ranked.c.at,
            ranked.c.stage_id,
            cast(func.max(ranked.c.total), BigInteger),
            *(
                func.min(ranked.c.bin).filter(ranked.c.up_to > share * (ranked.c.total - 1))
                for share in _SHARES
            ),
        ).group_by(ranked.c.at, ranked.c.stage_id)
    ).all()
    return {(row[0], row[1]): Percentiles(row[2], *(middle_of(number) for number in row[3:])) for row in rows}


def _start(span: TimeSpan | None, moment: Any, zone: str) -> ColumnElement[Any]:
    return null() if span is None else func.date_trunc(span.value, moment, zone)


def _figures(seconds: ColumnElement[float]) -> list[ColumnElement[Any]]:
    percentiles = [func.percentile_cont(share).within_group(seconds) for share in _SHARES]
    known = and_(seconds.is_not(None), seconds >= 0)
    return [func.count().filter(known), *(one.filter(known) for one in percentiles)]
