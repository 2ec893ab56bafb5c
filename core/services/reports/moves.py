"""The moves of stages within a run: only forward, and what is final stays (contract 1.1)."""

from __future__ import annotations

from datetime import datetime

from core.services.reports.held import HeldAttempt, HeldStage, HeldTask
from core.vocabulary import FailedBy, StageStatus, derive_task_status, may_move


def move(attempt: HeldAttempt, stage: HeldStage, status: StageStatus, *, at: datetime) -> bool:
    """Move `stage` to `status` if that is forward; False when it stays where it is.

    The stage after a completed one begins to wait. The caller settles the task afterwards.
    """
    if attempt.is_closed or not may_move(stage.status, status):
        return False
    _set(attempt, stage, status, at)
    return True


def _set(attempt: HeldAttempt, stage: HeldStage, status: StageStatus, at: datetime) -> None:
    stage.status = status
    stage.started_at = stage.started_at or at
    stage.ended_at = at if status.is_final else None
    stage.changed = True
    following = attempt.stages[stage.position + 1 :]
    if status is StageStatus.COMPLETED and following and following[0].queued_at is None:
        following[0].queued_at = at
        following[0].changed = True


def complete(task: HeldTask, attempt: HeldAttempt, stage: HeldStage, *, at: datetime) -> None:
    """Something shows that `stage` is complete.

    A failure that was only blamed on it, because a crash carried the next stage's tree, is taken
    back: its files are up after all.
    """
    if stage.failed_by is FailedBy.UPLOAD and not attempt.is_closed:
        stage.failed_by = stage.failed_tag = stage.reason = stage.cause = None
        _set(attempt, stage, StageStatus.COMPLETED, at)
        task.note(attempt, f"{stage.name}: FAILED → COMPLETED, its files are up", stage=stage)
        return
    move(attempt, stage, StageStatus.COMPLETED, at=at)


def fail(
    attempt: HeldAttempt,
    stage: HeldStage,
    by: FailedBy,
    *,
    reason: str,
    tag: int | None,
    at: datetime,
) -> None:
    """Record that `stage` has failed, which stands unless it is final already.

    The reason of a crash is all that is known of it; that of a verdict is read from the output later.
    """
    if move(attempt, stage, StageStatus.FAILED, at=at):
        stage.reason, stage.failed_by, stage.failed_tag = reason, by, tag
        stage.cause = None if by is FailedBy.VERDICT else ""


def settle(task: HeldTask, attempt: HeldAttempt, *, at: datetime) -> None:
    """Keep the task's status what the stages of the attempt that counts make it."""
    if attempt.is_closed:
        return
    status = derive_task_status(stage.status for stage in attempt.stages)
    if attempt.number == task.current_attempt and status is not task.status:
        task.status = status
        task.changed = True
    if status.is_final and attempt.ended_at is None:
        attempt.ended_at = at
        attempt.changed = True
