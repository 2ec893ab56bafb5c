"""The stages of many tasks at once, as lists show them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.models import ProcessingStage, Task, TaskAttempt, TaskStageStatus
from core.vocabulary import StageStatus


@dataclass(frozen=True, slots=True)
class StageMark:
    """Where one stage of one attempt stands, in a list."""

    id: int
    stage_name: str
    status: StageStatus
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    reason: str | None


def read_stages(
    session: Session, task_ids: Collection[int], *, attempt: int | None = None
) -> dict[int, tuple[StageMark, ...]]:
    """The stages of each task in processing order, of attempt `attempt` (None: the current one)."""
    stages: dict[int, list[StageMark]] = {task_id: [] for task_id in task_ids}
    if not task_ids:
        return {}
    number = Task.current_attempt if attempt is None else attempt
    rows = session.execute(
        select(TaskStageStatus, ProcessingStage.stage_name)
        .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        .join(Task, Task.id == TaskStageStatus.task_id)
        .join(TaskAttempt, (TaskAttempt.id == TaskStageStatus.attempt_id) & (TaskAttempt.number == number))
        .where(TaskStageStatus.task_id.in_(task_ids))
        .order_by(TaskStageStatus.position)
    )
    for stage, name in rows:
        stages[stage.task_id].append(
            StageMark(
                id=stage.id,
                stage_name=name,
                status=StageStatus(stage.status_id),
                queued_at=stage.queued_at,
                started_at=stage.started_at,
                ended_at=stage.ended_at,
                reason=stage.reason,
            )
        )
    return {task_id: tuple(marks) for task_id, marks in stages.items()}
