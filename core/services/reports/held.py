"""Tasks held under their locks while reports are applied.

A batch of reports may concern hundreds of tasks, so nothing here asks per task. The rules work on
these objects in memory; `storing` writes back what they changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.models import Assignment, ProcessingStage, Task, TaskAttempt, TaskStageStatus
from core.vocabulary import FailedBy, LogLevel, LogSource, RequeueCause, StageStatus


@dataclass(slots=True)
class HeldStage:
    """One stage of one attempt. `changed` says that it must be written back."""

    id: int
    stage_id: int
    name: str
    position: int
    status: StageStatus
    run: int
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    cause: str | None
    verdict: StageStatus | None
    failed_by: FailedBy | None
    failed_tag: int | None
    deliveries: list[int]
    early: list[int]
    changed: bool = False


@dataclass(slots=True)
class HeldAttempt:
    """One attempt with its stages in processing order."""

    id: int
    number: int
    run: int
    file_path: str
    is_closed: bool
    ended_at: datetime | None
    is_stalled: bool = False
    stages: list[HeldStage] = field(default_factory=list)
    changed: bool = False

    def hear(self) -> None:
        """Something was heard of it: it is not stalled."""
        if self.is_stalled:
            self.is_stalled, self.changed = False, True

    def stage_named(self, name: str) -> HeldStage | None:
        """The stage called `name`."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def first_unfinished(self) -> HeldStage | None:
        """The first stage that is not complete: where the task stands."""
        return next((stage for stage in self.stages if stage.status is not StageStatus.COMPLETED), None)


@dataclass(slots=True)
class HeldTask:
    """A task with all its attempts, and what is to be written when its reports are applied."""

    id: int
    student_id: int
    course_id: int | None
    """None: a dry run, which is in none."""
    current_attempt: int
    status: StageStatus
    attempts: list[HeldAttempt] = field(default_factory=list)
    lines: list[Mapping[str, object]] = field(default_factory=list)
    requeues: list[Mapping[str, object]] = field(default_factory=list)
    changed: bool = False

    @property
    def is_moved(self) -> bool:
        """Whether more than lines of the log is to be written."""
        return (
            self.changed
            or bool(self.requeues)
            or any(attempt.changed for attempt in self.attempts)
            or any(stage.changed for attempt in self.attempts for stage in attempt.stages)
        )

    def attempt(self, number: int | None = None) -> HeldAttempt | None:
        """Attempt `number`, or the one that counts."""
        wanted = number or self.current_attempt
        return next((attempt for attempt in self.attempts if attempt.number == wanted), None)

    def reported(self, number: int | None = None) -> HeldAttempt | None:
        """The attempt that a report means: `number`, or the open one, which may be on trial."""
        is_open = next((attempt for attempt in self.attempts if not attempt.is_closed), None)
        return self.attempt(number) if number or is_open is None else is_open

    def attempt_at(self, file_path: str) -> HeldAttempt | None:
        """The attempt whose file this is."""
        return next((attempt for attempt in self.attempts if attempt.file_path == file_path), None)

    def note(
        self,
        attempt: HeldAttempt,
        message: str,
        *,
        stage: HeldStage | None = None,
        level: LogLevel = LogLevel.INFO,
        source: LogSource = LogSource.PLATFORM,
    ) -> None:
        """Add a line to the task's log."""
        self.lines.append(
            {
                "task_id": self.id,
                "attempt": attempt.number,
                "run": attempt.run,
                "stage_id": stage.stage_id if stage else None,
                "level": level,
                "source": source,
                "log_message": message,
            }
        )

    def requeue(self, attempt: HeldAttempt, cause: RequeueCause, *, stage: HeldStage | None) -> None:
        """Record that a new run began."""
        self.requeues.append(
            {
                "task_id": self.id,
                "cause": cause,
                "stage_id": stage.stage_id if stage else None,
                "attempt": attempt.number,
                "run": attempt.run,
            }
        )


def hold(session: Session, task_ids: Collection[int]) -> dict[int, HeldTask]:
    """Lock the tasks among `task_ids` that exist and their attempts, each by id, and read them whole."""
    if not task_ids:
        return {}
    ids = sorted(task_ids)
    tasks = {
        row.id: HeldTask(
            row.id, row.created_by_id, row.course_id, row.current_attempt, StageStatus(row.status_id)
        )
        for row in session.execute(
            select(Task.id, Task.created_by_id, Task.current_attempt, Task.status_id, Assignment.course_id)
            .outerjoin(Assignment, Assignment.id == Task.assignment_id)
            .where(Task.id == func.any(ids))
            .order_by(Task.id)
            .with_for_update(of=Task)
        )
    }
    _read_stages(session, _read_attempts(session, tasks))
    return tasks


def _read_attempts(session: Session, tasks: Mapping[int, HeldTask]) -> dict[int, HeldAttempt]:
    """Lock the attempts of `tasks`, hand each to its task, and answer them by their ids."""
    attempt = TaskAttempt
    rows = session.execute(
        select(
            attempt.id,
            attempt.task_id,
            attempt.number,
            attempt.run,
            attempt.file_path,
            attempt.closed_at,
            attempt.ended_at,
            attempt.stalled_at,
        )
        .where(attempt.task_id == func.any(list(tasks)))
        .order_by(attempt.id)
        .with_for_update(key_share=True)
    )
    attempts: dict[int, HeldAttempt] = {}
    for row in rows:
        attempts[row.id] = HeldAttempt(
            row.id,
            row.number,
            row.run,
            row.file_path,
            is_closed=row.closed_at is not None,
            ended_at=row.ended_at,
            is_stalled=row.stalled_at is not None,
        )
        tasks[row.task_id].attempts.append(attempts[row.id])
    return attempts


def _read_stages(session: Session, attempts: Mapping[int, HeldAttempt]) -> None:
    stage = TaskStageStatus
    rows = session.execute(
        select(
            stage.attempt_id,
            stage.id,
            stage.stage_id,
            ProcessingStage.stage_name,
            stage.position,
            stage.status_id,
            stage.run,
            stage.queued_at,
            stage.started_at,
            stage.ended_at,
            stage.reason,
            stage.cause,
            stage.verdict,
            stage.failed_by,
            stage.failed_tag,
            stage.deliveries,
            stage.early,
        )
        .join(ProcessingStage, ProcessingStage.id == stage.stage_id)
        .where(stage.attempt_id == func.any(list(attempts)))
        .order_by(stage.attempt_id, stage.position)
    )
    for attempt_id, *values in rows:
        held = HeldStage(*values)
        held.status = StageStatus(held.status)
        held.verdict = StageStatus(held.verdict) if held.verdict else None
        held.failed_by = FailedBy(held.failed_by) if held.failed_by else None
        attempts[attempt_id].stages.append(held)
