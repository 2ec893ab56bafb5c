"""Counts for Prometheus. No names and no content, so it needs no token (docs/operations.md)."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.deps import ContextDep
from core.context import PLATFORM, Context
from core.services import alerts, inventory, monitoring, originals
from core.services.monitoring import Scope

router = APIRouter(tags=["health"])


class _Counts(Collector):
    """What the rows say at the moment of the scrape: the same whichever process is asked."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def collect(self) -> Iterator[Metric]:
        """The families of one scrape."""
        summary = monitoring.summarise(self._ctx, PLATFORM, Scope())
        tasks = GaugeMetricFamily("ulos_tasks", "Tasks by what they do now", labels=["state"])
        for state in ("waiting", "running", "completed", "failed"):
            tasks.add_metric([state], getattr(summary, state))
        yield tasks
        stages = GaugeMetricFamily("ulos_stage_tasks", "Tasks by stage", labels=["stage", "state"])
        for row in monitoring.count_by_stage(self._ctx, PLATFORM, Scope()):
            for state in ("waiting", "running", "completed", "failed"):
                stages.add_metric([row.stage_name, state], getattr(row, state))
        yield stages
        requeues = CounterMetricFamily("ulos_requeues", "Requeues since the beginning", labels=["cause"])
        for cause, count in monitoring.sum_requeues(self._ctx, PLATFORM, Scope()).by_cause.items():
            requeues.add_metric([cause], count)
        yield requeues
        yield GaugeMetricFamily(
            "ulos_outbox_messages", "Messages that the broker has not got yet", value=summary.outbox
        )
        yield GaugeMetricFamily(
            "ulos_oldest_waiting_seconds",
            "Age of the task that waits longest; 0 when none does",
            value=summary.oldest_waiting_seconds or 0,
        )
        yield GaugeMetricFamily(
            "ulos_kept_originals",
            "Submissions whose bytes wait in Postgres for the file server",
            value=originals.count_kept(self._ctx),
        )
        yield GaugeMetricFamily(
            "ulos_missing_files",
            "Files that rows name and that are gone from the file server",
            value=inventory.count_missing_files(self._ctx, PLATFORM),
        )
        incidents = GaugeMetricFamily(
            "ulos_open_incidents", "Alert rules that hold at the moment", labels=["kind"]
        )
        for kind, count in alerts.count_open(self._ctx, PLATFORM).items():
            incidents.add_metric([kind], count)
        yield incidents


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "Prometheus text format", "content": {CONTENT_TYPE_LATEST: {}}}},
)
def get_metrics(ctx: ContextDep) -> Response:
    """Counts for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Counts(ctx))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
