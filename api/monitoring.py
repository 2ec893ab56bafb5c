"""The figures that the charts draw, as JSON (contract, section 4)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.alert_shapes import IncidentOut, IncidentsOut
from api.deps import ActorDep, ContextDep
from api.etag import EtagRoute
from api.monitoring_shapes import (
    FailureGroupOut,
    FailuresOut,
    HourRequeues,
    ParkedOut,
    QueueOut,
    RequeuesOut,
    SummaryOut,
    TimelineOut,
)
from api.params import AssignmentId, IdFilter, Moment, StageFilter
from api.problems import responses
from api.statistics_shapes import FunnelOut, StagePassed, StatisticsOut, SubmissionsOut
from core.services import alerts, inventory, monitoring, reports, statistics
from core.services.monitoring import Scope
from core.vocabulary import TimeSpan
from web.problems import language_of

router = APIRouter(tags=["monitoring"], route_class=EtagRoute)

ERRORS = responses(304, 401, 403, 404)
SpanFilter = Annotated[TimeSpan | None, Query(description="Default: what fits the window")]


def get_scope(
    course_id: IdFilter = None,
    assignment_id: IdFilter = None,
    definition_id: IdFilter = None,
    *,
    stage: StageFilter = None,
    since: Moment = None,
    until: Moment = None,
) -> Scope:
    """Tasks count by their submission, requeues by their own moment: `since` ≤ moment < `until`."""
    return Scope(
        course_id=course_id,
        assignment_id=assignment_id,
        definition_id=definition_id,
        stage=stage,
        since=since,
        until=until,
    )


ScopeDep = Annotated[Scope, Depends(get_scope)]


@router.get("/monitoring/summary", responses=ERRORS)
def get_summary(ctx: ContextDep, actor: ActorDep, scope: ScopeDep) -> SummaryOut:
    """How many tasks wait, run, have passed and failed, and how often they were requeued."""
    return SummaryOut.model_validate(asdict(monitoring.summarise(ctx, actor, scope)))


@router.get("/monitoring/requeues", responses=ERRORS)
def get_requeues(ctx: ContextDep, actor: ActorDep, scope: ScopeDep) -> RequeuesOut:
    """Requeues by cause, stage and hour."""
    figures = monitoring.sum_requeues(ctx, actor, scope)
    return RequeuesOut(
        total=figures.total,
        by_cause=figures.by_cause,
        by_stage=figures.by_stage,
        by_hour=[HourRequeues(hour=hour, count=count) for hour, count in figures.by_hour],
    )


@router.get("/monitoring/failures", responses=ERRORS)
def get_failures(ctx: ContextDep, actor: ActorDep, scope: ScopeDep) -> FailuresOut:
    """What stands failed, grouped by cause."""
    return _failures(monitoring.group_failures(ctx, actor, scope))


@router.get("/monitoring/queue", responses=ERRORS)
def get_queue(ctx: ContextDep, actor: ActorDep, scope: ScopeDep) -> QueueOut:
    """What waits and runs now, and for how long the oldest has waited."""
    parked = reports.list_parked(ctx, actor, course_id=scope.course_id, limit=1000)
    return QueueOut(
        **asdict(monitoring.read_queue(ctx, actor, scope)),
        missing_files=inventory.count_missing_files(ctx, actor, course_id=scope.course_id),
        parked_count=reports.count_parked(ctx, actor, course_id=scope.course_id),
        parked=[ParkedOut.model_validate(asdict(report)) for report in parked],
    )


@router.get("/monitoring/times", responses=ERRORS)
def get_times(ctx: ContextDep, actor: ActorDep, scope: ScopeDep, span: SpanFilter = None) -> TimelineOut:
    """Waits, runs and throughput over time; what counts is when stages and tasks ended."""
    return TimelineOut.model_validate(asdict(monitoring.read_timeline(ctx, actor, scope, span=span)))


@router.get("/monitoring/incidents", responses=ERRORS)
def get_incidents(
    request: Request,
    ctx: ContextDep,
    actor: ActorDep,
    course_id: IdFilter = None,
    *,
    is_open: Annotated[bool | None, Query(alias="open")] = None,
    before: IdFilter = None,
) -> IncidentsOut:
    """What alert rules have found, in the courses that one looks after and in the whole installation."""
    found = alerts.list_incidents(ctx, actor, course_id=course_id, is_open=is_open, before=before)
    language = language_of(request)
    return IncidentsOut(
        incidents=[
            IncidentOut.model_validate(asdict(one) | {"sentence": one.sentence(language)}) for one in found
        ]
    )


@router.get("/assignments/{assignment_id}/statistics", responses=ERRORS)
def get_statistics(ctx: ContextDep, actor: ActorDep, assignment_id: AssignmentId) -> StatisticsOut:
    """The very numbers that the charts of an assignment draw."""
    figures = statistics.read_statistics(ctx, actor, assignment_id)
    funnel = figures.funnel
    return StatisticsOut.model_validate(
        asdict(figures)
        | {
            "funnel": FunnelOut(
                enrolled=funnel.enrolled,
                submitted=funnel.submitted,
                passed=[StagePassed(stage_name=name, students=count) for name, count in funnel.passed],
            ),
            "submissions_per_student": [
                SubmissionsOut(submissions=often, students=count)
                for often, count in figures.submissions_per_student
            ],
            "failures": _failures(figures.failures),
        }
    )


def _failures(failures: monitoring.Failures) -> FailuresOut:
    return FailuresOut(
        total=failures.total,
        groups=[FailureGroupOut.model_validate(asdict(group)) for group in failures.groups],
    )
