"""Figures as they go out (contract, section 4)."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.examples import EXAMPLE_TIMELINE
from core.vocabulary import RequeueCause, TimeSpan, TriageState


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
    message: str = Field(description="What the failures share; what differs is folded")
    example: str = Field(description="What one of them said")
    count: int
    first_seen: datetime
    last_seen: datetime
    students: int
    stages: list[str]
    definitions: list[str]
    versions: list[str] = Field(description="Definitions with the version whose containers ran")
    open: int = Field(description="Of `count`, those that nobody has handled and no later success has closed")
    state: TriageState
    owner_email: str | None
    note: str
    trend: list[int] = Field(description="How many came in each twelfth of the window, or of twelve weeks")


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
                        "example": "Line 3: unknown command",
                        "count": 31,
                        "first_seen": "2026-03-02T15:00:00Z",
                        "last_seen": "2026-03-03T09:12:00Z",
                        "students": 28,
                        "stages": ["PARSING"],
                        "definitions": ["G-code"],
                        "versions": ["G-code 2"],
                        "open": 30,
                        "state": "open",
                        "owner_email": "monitor@uniandes.edu.co",
                        "note": "Image without G28",
                        "trend": [0, 0, 0, 0, 2, 9, 14, 5, 1, 0, 0, 0],
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


class ParkedOut(BaseModel):
    """A report that could not be applied. `preview` is the beginning of its body, `size` its bytes."""

    id: int
    received_at: datetime
    routing_key: str
    reason: str
    task_id: int | None
    file_path: str
    preview: str
    size: int


class QueueOut(BaseModel):
    """What waits and runs now, and the newest of the reports that could not be applied."""

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
                "missing_files": 0,
                "parked_count": 1,
                "parked": [
                    {
                        "id": 4,
                        "received_at": "2026-03-02T15:00:00Z",
                        "routing_key": "task.log",
                        "reason": "no such task",
                        "task_id": 123,
                        "file_path": "/ulos/attempts/123.zip",
                        "preview": '{"taskId":"123"',
                        "size": 812,
                    }
                ],
            }
        }
    )

    waiting: int
    running: int
    oldest_waiting_seconds: float | None
    outbox: int
    stages: list[StageQueueOut]
    missing_files: int = Field(description="Files that rows name and that are gone from the file server")
    parked_count: int = Field(description="All of them; `parked` holds at most 1,000")
    parked: list[ParkedOut]


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


class PercentilesOut(BaseModel):
    """Seconds below which half, 95 % and 99 % of the samples lie."""

    samples: int
    p50: float | None
    p95: float | None
    p99: float | None


class LatencyOut(BaseModel):
    """A stage's times within the hour, day or week (UTC) from `at` on."""

    at: datetime
    is_open: bool = Field(description="That span is not over yet")
    stage_name: str
    waited: PercentilesOut
    ran: PercentilesOut


class MarkOut(BaseModel):
    """A definition got a new version."""

    at: datetime
    name: str
    version: int


class TimelineOut(BaseModel):
    """What is drawn over time; empty spans are absent. `week_before` has the moments of a week earlier."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_TIMELINE})

    span: TimeSpan
    latency: list[LatencyOut]
    throughput: list[HourOut] = Field(description="By `span`; `hour` is its beginning")
    week_before: list[HourOut]
    marks: list[MarkOut]
