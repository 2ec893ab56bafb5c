"""What the orchestrator tells us about tasks (contract, section 1: the three callback rows)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, WithJsonSchema

from api import task_shapes
from api.deps import ActorDep, ContextDep
from api.params import Attempt, IdempotencyKey, TaskId
from api.problems import responses
from core.auth import Right
from core.context import Context
from core.services import idempotency, reports
from core.services.idempotency import Answer
from core.vocabulary import LogLevel, StageStatus

router = APIRouter(prefix="/tasks", tags=["callbacks"])

StageName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]
Status = Annotated[
    StrictInt | str,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "enum": [int(status) for status in StageStatus]},
                {"type": "string", "enum": [status.name for status in StageStatus]},
            ]
        }
    ),
]


class LogEntry(BaseModel):
    """A line for a task's log; `stage` and `level` are ours and optional."""

    model_config = ConfigDict(json_schema_extra={"example": {"log_message": "Task received for processing"}})

    log_message: str = Field(min_length=1)
    stage: StageName | None = None
    level: LogLevel = LogLevel.INFO


class LogAdded(BaseModel):
    """The line as it was recorded."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 90,
                "task_id": 7,
                "log_message": "Task received for processing",
                "creation_timestamp": "2026-03-02T15:00:04Z",
            }
        }
    )

    id: int
    task_id: int
    log_message: str
    creation_timestamp: datetime


class RequeueNoted(BaseModel):
    """The counter after a notice; `id` is the one of the task's metrics."""

    model_config = ConfigDict(json_schema_extra={"example": {"id": 7, "task_id": 7, "requeue_count": 1}})

    id: int
    task_id: int
    requeue_count: int


class TaskState(BaseModel):
    """Where the task stands, by its current attempt."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 7,
                "attempt": 1,
                "status": "IN_PROGRESS",
                "stage_statuses": [
                    {
                        "processing_stage": {"stage_name": "PARSING"},
                        "processing_status": {"id": 3, "status_name": "COMPLETED"},
                    }
                ],
            }
        }
    )

    id: int
    attempt: int
    status: task_shapes.StatusName
    stage_statuses: list[task_shapes.StageState]


@router.post("/{task_id}/logs", status_code=201, responses=responses(401, 403, 404, 409))
def add_log(
    ctx: ContextDep,
    actor: ActorDep,
    task_id: TaskId,
    *,
    entry: LogEntry,
    attempt: Attempt = None,
    key: IdempotencyKey = None,
) -> LogAdded:
    """Add a line to the task's log."""

    def act(ctx: Context) -> Answer:
        log = reports.add_task_log(
            ctx, actor, task_id, entry.log_message, stage=entry.stage, level=entry.level, attempt=attempt
        )
        return LogAdded(
            id=log.id, task_id=log.task_id, log_message=log.log_message, creation_timestamp=log.logged_at
        ).model_dump(mode="json")

    asked = ["log", task_id, attempt, entry.model_dump()]
    return LogAdded.model_validate(idempotency.once(ctx, actor, Right.REPORT_LOG, act, key=key, asked=asked))


@router.patch("/{task_id}/requeue", responses=responses(401, 403, 404, 409))
def note_requeue(
    ctx: ContextDep, actor: ActorDep, task_id: TaskId, attempt: Attempt = None, key: IdempotencyKey = None
) -> RequeueNoted:
    """Note that the orchestrator has put the task back itself: a new run; nothing is published."""

    def act(ctx: Context) -> Answer:
        noted = reports.note_requeue(ctx, actor, task_id, attempt=attempt)
        return {"id": noted.id, "task_id": noted.task_id, "requeue_count": noted.requeue_count}

    asked = ["requeue", task_id, attempt]
    return RequeueNoted.model_validate(
        idempotency.once(ctx, actor, Right.REPORT_REQUEUE, act, key=key, asked=asked)
    )


@router.patch("/{task_id}", responses=responses(401, 403, 404, 409))
def set_stage_statuses(
    ctx: ContextDep,
    actor: ActorDep,
    task_id: TaskId,
    *,
    changes: dict[StageName, Status],
    attempt: Attempt = None,
    key: IdempotencyKey = None,
) -> TaskState:
    """Move one or several stages: stage name → status id or name.

    An unknown stage or status refuses the whole; what would go backwards changes nothing.
    """

    def act(ctx: Context) -> Answer:
        state = reports.set_stage_statuses(ctx, actor, task_id, changes, attempt=attempt)
        return TaskState(
            id=state.id,
            attempt=state.attempt,
            status=state.status.name,
            stage_statuses=[
                task_shapes.StageState(
                    processing_stage=task_shapes.StageWord(stage_name=name),
                    processing_status=task_shapes.status_word(status),
                )
                for name, status in state.stages
            ],
        ).model_dump(mode="json")

    asked = ["status", task_id, attempt, changes]
    return TaskState.model_validate(
        idempotency.once(ctx, actor, Right.REPORT_STATUS, act, key=key, asked=asked)
    )
