"""The figures that the charts draw, as JSON (contract, section 4)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from api.deps import ActorDep, ContextDep
from api.etag import EtagRoute
from api.params import AssignmentId, IdFilter, Moment, StageFilter
from api.problems import responses
from core.services import monitoring, statistics
from core.services.monitoring import Scope
from core.vocabulary import RequeueCause, TriageState

router = APIRouter(tags=["monitoring"], route_class=EtagRoute)

ERRORS = responses(304, 401, 403, 404)


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


class SummaryOut(BaseModel):
    """Each task is in one of waiting, running, completed, failed; with `stage`, by that stage."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "waiting": 12,
                "running": 2,
                "completed": 240,
                "failed": 31,
                "requeues": 17,
                "outbox": 0,
                "oldest_waiting_seconds": 42.5,
            }
        }
    )

    waiting: int
    running: int
    completed: int
    failed: int
    requeues: int
    outbox: int = Field(description="Messages that the broker has not got yet")
    oldest_waiting_seconds: float | None


class HourRequeues(BaseModel):
    """Requeues within the hour (UTC) that begins at `hour`."""

    hour: datetime
    count: int


class RequeuesOut(BaseModel):
    """Requeues summed up. What never happened is absent; `none`: no stage was left to run."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "total": 3,
                "by_cause": {"manual": 2, "node_lost": 1},
                "by_stage": {"PARSING": 2, "EXECUTION": 1},
                "by_hour": [{"hour": "2026-03-02T15:00:00Z", "count": 3}],
            }
        }
    )

    total: int
    by_cause: dict[RequeueCause, int]
    by_stage: dict[str, int]
    by_hour: list[HourRequeues]


class FailureGroupOut(BaseModel):
    """Failures with one message but for ids, numbers, paths and times, which are folded."""

    id: str
    message: str
    count: int
    first_seen: datetime
    last_seen: datetime
    students: int
    stages: list[str]
    definitions: list[str]
    open: int = Field(description="Of `count`, those that nobody has handled and no later success has closed")
    state: TriageState
    owner_email: str | None
    note: str


class FailuresOut(BaseModel):
    """All that stands failed, the most frequent cause first. Each failure is in one group."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "total": 31,
                "groups": [
                    {
                        "id": "0cc175b9c0f1b6a8",
                        "message": "Line <n>: unknown command",
                        "count": 31,
                        "first_seen": "2026-03-02T15:00:00Z",
                        "last_seen": "2026-03-03T09:12:00Z",
                        "students": 28,
                        "stages": ["PARSING"],
                        "definitions": ["G-code"],
                        "open": 30,
                        "state": "open",
                        "owner_email": "monitor@uniandes.edu.co",
                        "note": "Image without G28",
                    }
                ],
            }
        }
    )

    total: int
    groups: list[FailureGroupOut]


class StageQueueOut(BaseModel):
    """What waits for one stage and runs in it."""

    stage_name: str
    waiting: int
    running: int
    oldest_waiting_seconds: float | None


class QueueOut(BaseModel):
    """What waits and runs now."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "waiting": 12,
                "running": 2,
                "oldest_waiting_seconds": 42.5,
                "outbox": 0,
                "stages": [
                    {"stage_name": "PARSING", "waiting": 12, "running": 2, "oldest_waiting_seconds": 42.5}
                ],
            }
        }
    )

    waiting: int
    running: int
    oldest_waiting_seconds: float | None
    outbox: int
    stages: list[StageQueueOut]


class StageCountOut(BaseModel):
    """One stage over all tasks, by the current attempt of each."""

    stage_name: str
    waiting: int
    running: int
    completed: int
    failed: int


class HourOut(BaseModel):
    """What happened within the hour (UTC) that begins at `hour`; empty hours are absent."""

    hour: datetime
    submitted: int
    completed: int
    failed: int
    requeued: int


class SpreadOut(BaseModel):
    """How long something took, in seconds."""

    samples: int
    p50: float | None
    p90: float | None
    p99: float | None


class StageTimesOut(BaseModel):
    """Of the ended runs of one stage: how long it waited and how long it ran."""

    stage_name: str
    waiting: SpreadOut
    running: SpreadOut


class StagePassed(BaseModel):
    """Students whose latest submission has completed a stage."""

    stage_name: str
    students: int


class FunnelOut(BaseModel):
    """Students of the course: all, those who handed in, those who passed each stage."""

    enrolled: int
    submitted: int
    passed: list[StagePassed]


class SubmissionsOut(BaseModel):
    """How many students have handed in this often."""

    submissions: int
    students: int


class StatisticsOut(BaseModel):
    """The figures of one assignment, over all of its submissions."""

    assignment_id: int
    summary: SummaryOut
    funnel: FunnelOut
    stages: list[StageCountOut]
    times: list[StageTimesOut]
    feedback: SpreadOut = Field(description="From handing in to the end of the current attempt")
    hours: list[HourOut]
    submissions_per_student: list[SubmissionsOut]
    failures: FailuresOut


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
    return QueueOut.model_validate(asdict(monitoring.read_queue(ctx, actor, scope)))


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
