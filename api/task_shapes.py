"""Tasks as they go out (contract 1.1 and 1.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from api.examples import EXAMPLE_ACCEPTED, EXAMPLE_DETAIL, EXAMPLE_TASK
from core.errors import NotFound
from core.services.submissions import AttemptView, LogLine, Receipt, TaskRow, TaskView
from core.vocabulary import LogLevel, LogSource, StageStatus

StatusName = Literal["PENDING", "IN_PROGRESS", "COMPLETED", "FAILED"]


class StageWord(BaseModel):
    """A stage by its name."""

    stage_name: str


class StatusWord(BaseModel):
    """A status by its fixed id and its name."""

    id: int = Field(ge=1, le=4)
    status_name: StatusName


class StageState(BaseModel):
    """A stage of a task and how far it is."""

    processing_stage: StageWord
    processing_status: StatusWord


class StageStatusOut(StageState):
    """A stage of an attempt: how far it is, since when, and why it failed."""

    id: int
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    reason: str | None = Field(description="Of a failed stage: what it said last")


class Metrics(BaseModel):
    """Counters of a task."""

    requeue_count: int


class TaskOut(BaseModel):
    """One submission of one student to one assignment, with the stages of its current attempt."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_TASK})

    id: int
    assignment_id: int
    course_id: int
    created_by_id: int = Field(description="The student")
    student_email: str
    creation_timestamp: datetime
    status: StatusName
    attempt: int = Field(description="Number of the current attempt, from 1")
    reference: str = Field(description="What the student quotes when asking about it")
    file_name: str
    size: int = Field(description="Bytes of the original")
    sha256: str = Field(description="SHA-256 of the original, hexadecimal")
    is_late: bool = Field(description="It came after the due date and the time of grace")
    stage_statuses: list[StageStatusOut]
    metrics: Metrics


class TaskPageOut(BaseModel):
    """Some tasks, newest first."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [EXAMPLE_TASK], "next_cursor": "7"}})

    items: list[TaskOut]
    next_cursor: str | None = Field(description="For the next page; null on the last one")


class ReceiptOut(BaseModel):
    """Proof that a submission was accepted."""

    reference: str
    file_name: str
    size: int
    sha256: str
    received_at: datetime
    code: str = Field(description="What `GET /receipts/verify` checks")


class AcceptedTask(TaskOut):
    """A submission as it was accepted, with its receipt."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_ACCEPTED})

    receipt: ReceiptOut


class AttemptOut(BaseModel):
    """One file handed to the orchestrator; `run` counts its deliveries."""

    number: int
    run: int
    created_at: datetime
    copied_at: datetime | None
    published_at: datetime | None
    ended_at: datetime | None
    closed_at: datetime | None
    stalled_at: datetime | None
    crash_loop_at: datetime | None
    results_lack: list[str]
    stage_statuses: list[StageStatusOut]


class LogOut(BaseModel):
    """A line of a task's history."""

    id: int
    attempt: int
    run: int
    stage_name: str | None
    level: LogLevel
    source: LogSource
    log_message: str
    creation_timestamp: datetime


class TaskDetail(TaskOut):
    """A submission in full: all of its attempts, and a page of its log, oldest line first."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_DETAIL})

    assignment_name: str
    student_name: str
    attempts: list[AttemptOut]
    logs: list[LogOut]
    logs_cursor: str | None = Field(description="For the lines before these; null when there are none")


class _Stage(Protocol):
    """What a stage shows in a list and in full."""

    @property
    def id(self) -> int: ...
    @property
    def stage_name(self) -> str: ...
    @property
    def status(self) -> StageStatus: ...
    @property
    def queued_at(self) -> datetime | None: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def reason(self) -> str | None: ...


def status_word(status: StageStatus) -> StatusWord:
    """The status with both of its names."""
    return StatusWord(id=int(status), status_name=status.name)


def stage_out(stage: _Stage) -> StageStatusOut:
    """One stage of an attempt."""
    return StageStatusOut(
        id=stage.id,
        processing_stage=StageWord(stage_name=stage.stage_name),
        processing_status=status_word(stage.status),
        queued_at=stage.queued_at,
        started_at=stage.started_at,
        ended_at=stage.ended_at,
        reason=stage.reason,
    )


def task_out(row: TaskRow) -> TaskOut:
    """A task of a list."""
    return TaskOut.model_validate(_fields(row))


def accepted(row: TaskRow, receipt: Receipt) -> AcceptedTask:
    """What the student gets for a submission."""
    proof = ReceiptOut(
        reference=receipt.reference,
        file_name=receipt.file_name,
        size=receipt.size,
        sha256=receipt.sha256,
        received_at=receipt.received_at,
        code=receipt.code,
    )
    return AcceptedTask.model_validate(_fields(row) | {"receipt": proof})


def _fields(row: TaskRow) -> dict[str, object]:
    return {
        "id": row.id,
        "assignment_id": row.assignment_id,
        "course_id": row.course_id,
        "created_by_id": row.created_by_id,
        "student_email": row.student_email,
        "creation_timestamp": row.creation_timestamp,
        "status": row.status.name,
        "attempt": row.attempt,
        "reference": row.reference,
        "file_name": row.file_name,
        "size": row.size,
        "sha256": row.sha256,
        "is_late": row.is_late,
        "stage_statuses": [stage_out(stage) for stage in row.stages],
        "metrics": Metrics(requeue_count=row.requeue_count),
    }


def task_detail(view: TaskView) -> TaskDetail:
    """A task in full.

    Raises:
        NotFound: it is a dry run, which is in no list and belongs to no assignment.

    """
    if view.summary.assignment_id is None:
        raise NotFound(what="submission")
    return TaskDetail(
        id=view.summary.id,
        assignment_id=view.summary.assignment_id,
        assignment_name=view.summary.assignment_name,
        course_id=view.course_id,
        created_by_id=view.summary.student_id,
        student_email=view.student_email,
        student_name=view.student_name,
        creation_timestamp=view.summary.created_at,
        status=view.summary.status.name,
        attempt=view.summary.attempt,
        reference=view.summary.reference,
        file_name=view.summary.file_name,
        size=view.size,
        sha256=view.sha256,
        is_late=view.summary.is_late,
        stage_statuses=[stage_out(stage) for stage in view.current.stages],
        metrics=Metrics(requeue_count=view.requeue_count),
        attempts=[attempt_out(attempt) for attempt in view.attempts],
        logs=[log_out(line) for line in view.logs],
        logs_cursor=view.logs_cursor,
    )


def attempt_out(attempt: AttemptView) -> AttemptOut:
    """One attempt with its stages."""
    return AttemptOut(
        number=attempt.number,
        run=attempt.run,
        created_at=attempt.created_at,
        copied_at=attempt.copied_at,
        published_at=attempt.published_at,
        ended_at=attempt.ended_at,
        closed_at=attempt.closed_at,
        stalled_at=attempt.stalled_at,
        crash_loop_at=attempt.crash_loop_at,
        results_lack=list(attempt.results_lack),
        stage_statuses=[stage_out(stage) for stage in attempt.stages],
    )


def log_out(line: LogLine) -> LogOut:
    """One line of the log."""
    return LogOut(
        id=line.id,
        attempt=line.attempt,
        run=line.run,
        stage_name=line.stage_name,
        level=line.level,
        source=line.source,
        log_message=line.message,
        creation_timestamp=line.logged_at,
    )
