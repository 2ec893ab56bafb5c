"""What the orchestrator tells us about tasks (contract, section 1: the three callback rows)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel, Field

from api.deps import ActorDep, ContextDep
from core.context import Context
from core.services import idempotency, reports
from core.vocabulary import LogLevel

router = APIRouter(prefix="/tasks", tags=["callbacks"])

TaskId = Annotated[int, Path(ge=1, lt=2**63)]
Attempt = Annotated[int | None, Query(ge=1, lt=2**31, description="None: the current attempt")]
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]


class LogEntry(BaseModel):
    """A line for a task's log; `stage` and `level` are ours and optional."""

    log_message: str = Field(min_length=1)
    stage: str | None = None
    level: LogLevel = LogLevel.INFO


@router.post("/{task_id}/logs", status_code=201)
def add_log(
    ctx: ContextDep,
    actor: ActorDep,
    task_id: TaskId,
    *,
    entry: LogEntry,
    attempt: Attempt = None,
    key: Key = None,
) -> dict[str, object]:
    """Add a line to the task's log."""

    def act(ctx: Context) -> dict[str, object]:
        log = reports.add_task_log(
            ctx, actor, task_id, entry.log_message, stage=entry.stage, level=entry.level, attempt=attempt
        )
        return {
            "id": log.id,
            "task_id": log.task_id,
            "log_message": log.log_message,
            "creation_timestamp": log.logged_at.isoformat(),
        }

    asked = ["log", task_id, attempt, entry.model_dump()]
    return idempotency.once(ctx, actor, key, asked, act)


@router.patch("/{task_id}/requeue")
def note_requeue(
    ctx: ContextDep, actor: ActorDep, task_id: TaskId, attempt: Attempt = None, key: Key = None
) -> dict[str, object]:
    """Note that the orchestrator has put the task back itself."""

    def act(ctx: Context) -> dict[str, object]:
        noted = reports.note_requeue(ctx, actor, task_id, attempt=attempt)
        return {"id": noted.id, "task_id": noted.task_id, "requeue_count": noted.requeue_count}

    return idempotency.once(ctx, actor, key, ["requeue", task_id, attempt], act)


@router.patch("/{task_id}")
def set_statuses(
    ctx: ContextDep,
    actor: ActorDep,
    task_id: TaskId,
    *,
    changes: dict[str, int | str],
    attempt: Attempt = None,
    key: Key = None,
) -> dict[str, object]:
    """Move one or several stages: stage name → status id or name; all or nothing."""

    def act(ctx: Context) -> dict[str, object]:
        state = reports.set_stage_statuses(ctx, actor, task_id, changes, attempt=attempt)
        return {
            "id": state.id,
            "attempt": state.attempt,
            "status": state.status.name,
            "stage_statuses": [
                {"processing_stage": {"stage_name": name}, "processing_status": {"status_name": status.name}}
                for name, status in state.stages
            ],
        }

    return idempotency.once(ctx, actor, key, ["status", task_id, attempt, changes], act)
