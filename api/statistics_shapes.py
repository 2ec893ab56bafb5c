"""Bodies of the statistics of an assignment, which the charts of *Submissions* draw."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.examples import EXAMPLE_STATISTICS
from api.monitoring_shapes import FailuresOut, HourOut, StageCountOut, SummaryOut


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


class StudentName(BaseModel):
    """An enrolled student who has handed in nothing."""

    student_id: int
    student_email: str
    student_name: str


class AtRiskOut(StudentName):
    """A student who has passed nothing and keeps failing near the due date; `reason` of the last time."""

    failures: int
    task_id: int
    submitted_at: datetime
    stage_name: str
    reason: str | None


class StatisticsOut(BaseModel):
    """The figures of one assignment, over all of its submissions; stages in processing order."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_STATISTICS})

    assignment_id: int
    due: datetime
    summary: SummaryOut
    funnel: FunnelOut
    stages: list[StageCountOut]
    times: list[StageTimesOut]
    feedback: SpreadOut = Field(description="From handing in to the end of the current attempt")
    hours: list[HourOut]
    submissions_per_student: list[SubmissionsOut]
    failures: FailuresOut
    not_submitted: list[StudentName]
    at_risk: list[AtRiskOut]
