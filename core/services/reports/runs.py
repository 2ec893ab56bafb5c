"""Another run of the same attempt: the orchestrator or the broker hands the task out again."""

from __future__ import annotations

from datetime import datetime

from core.services.reports.held import HeldAttempt, HeldStage, HeldTask
from core.services.reports.moves import settle
from core.vocabulary import RequeueCause, StageStatus

_SAID = {
    RequeueCause.ORCHESTRATOR: "Requeued by the orchestrator",
    RequeueCause.NODE_LOST: "Handed out again by the broker, a node was lost",
    RequeueCause.CRASH: "Handed out again by the broker after a crash",
}


def open_run(
    task: HeldTask,
    attempt: HeldAttempt,
    cause: RequeueCause,
    *,
    at: datetime,
    stage: HeldStage | None = None,
    has_begun: bool = False,
) -> None:
    """Start another run: stages that are not complete are PENDING again (contract 1.1).

    `stage`: where it begins; None means the first that is not complete. `has_begun`: what is
    known of these stages was reported by this very run, so it stays.
    """
    unfinished = [entry for entry in attempt.stages if entry.status is not StageStatus.COMPLETED]
    attempt.run += 1
    attempt.changed = True
    first = unfinished[0] if unfinished else None
    for entry in unfinished:
        entry.run, entry.changed = attempt.run, True
        if not has_begun:
            entry.queued_at = at if entry is first else None
            _reset(entry)
    if unfinished and not has_begun:
        attempt.ended_at = None
    task.requeue(attempt, cause, stage=stage or first)
    task.note(attempt, f"{_SAID[cause]}: run {attempt.run}")
    settle(task, attempt, at=at)


def _reset(stage: HeldStage) -> None:
    stage.status = StageStatus.PENDING
    stage.started_at = stage.ended_at = None
    stage.reason = stage.cause = stage.verdict = stage.failed_by = stage.failed_tag = None
