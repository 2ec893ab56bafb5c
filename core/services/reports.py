"""What the orchestrator says about tasks: logs, stage statuses, requeue notices.

The rules of attempts and runs are those of contract 1.1: within a run a stage moves only forward; a
repeated, late or backward report moves nothing and is kept in the history; what concerns an older
attempt is history too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotFound, Required, UnknownStage, UnknownStatus
from core.models import (
    ProcessingStage,
    RequeueEvent,
    Task,
    TaskAttempt,
    TaskLog,
    TaskMetrics,
    TaskStageStatus,
)
from core.services.attempts import add_log, notify_task
from core.vocabulary import LogLevel, LogSource, RequeueCause, StageStatus, derive_task_status, may_move

MESSAGE_LIMIT = 65_536
"""Characters of one log message that are kept."""

REASON_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class LogReceived:
    """A log line that was recorded."""

    id: int
    task_id: int
    log_message: str
    logged_at: datetime


@dataclass(frozen=True, slots=True)
class TaskState:
    """Where a task stands after a report."""

    id: int
    attempt: int
    status: StageStatus
    stages: tuple[tuple[str, StageStatus], ...]


@dataclass(frozen=True, slots=True)
class RequeueNoted:
    """The counter after a requeue notice."""

    id: int
    task_id: int
    requeue_count: int


def add_task_log(
    ctx: Context,
    actor: Actor,
    task_id: int,
    message: str,
    *,
    stage: str | None = None,
    level: LogLevel = LogLevel.INFO,
    attempt: int | None = None,
) -> LogReceived:
    """Add a line to a task's log. `attempt`: None means the current one.

    Raises:
        NotFound: there is no such task or attempt.
        UnknownStage: `stage` is none of the task's.

    """
    if not message:
        raise Required(field="log_message")
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT_LOG)
        task = session.get(Task, task_id)
        if task is None:
            raise NotFound(what="submission")
        current = _attempt(session, task, attempt)
        stage_id = _stage_row(session, current, stage).stage_id if stage else None
        log = add_log(
            session,
            current,
            message.replace("\x00", "\ufffd")[:MESSAGE_LIMIT],
            at=ctx.now(),
            level=level,
            source=LogSource.ORCHESTRATOR,
            stage_id=stage_id,
        )
        session.flush()
        notify_task(session, task)
        return LogReceived(log.id, task_id, log.log_message, log.logged_at)


def set_stage_statuses(
    ctx: Context, actor: Actor, task_id: int, changes: Mapping[str, object], *, attempt: int | None = None
) -> TaskState:
    """Move stages of a task: stage name → status id or name, all or nothing.

    `attempt`: None means the current one. Moves that are not forward change nothing and are kept
    in the history.

    Raises:
        NotFound: there is no such task or attempt.
        UnknownStage, UnknownStatus: one of them; nothing was changed.

    """
    if not changes:
        raise Required(field="stage")
    wanted = {name: parse_status(status) for name, status in changes.items()}
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT_STATUS)
        task = _locked(session, task_id)
        current = _attempt(session, task, attempt)
        rows = [(_stage_row(session, current, name), name, status) for name, status in wanted.items()]
        for row, name, status in sorted(rows, key=lambda entry: entry[0].position):
            _apply(session, ctx, current, row=row, name=name, status=status)
        session.flush()
        stages = _stages(session, task)
        if current.closed_at is None:
            _settle(session, ctx, task, current, [status for _, status in stages])
        notify_task(session, task)
        return TaskState(task.id, task.current_attempt, StageStatus(task.status_id), tuple(stages))


def note_requeue(ctx: Context, actor: Actor, task_id: int, *, attempt: int | None = None) -> RequeueNoted:
    """The orchestrator has put the task back itself: count it and open a new run.

    Stages that had not completed are PENDING again. Nothing is published.

    Raises:
        NotFound: there is no such task or attempt.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT_REQUEUE)
        task = _locked(session, task_id)
        current = _attempt(session, task, attempt)
        if current.closed_at is not None:
            add_log(session, current, "Late requeue notice for an earlier attempt", at=ctx.now())
        else:
            _open_run(session, ctx, task, current, RequeueCause.ORCHESTRATOR)
        metrics = session.scalars(select(TaskMetrics).where(TaskMetrics.task_id == task_id)).one()
        notify_task(session, task)
        return RequeueNoted(metrics.id, task_id, metrics.requeue_count)


def parse_status(value: object) -> StageStatus:
    """A status by its id or its name.

    Raises:
        UnknownStatus: it is neither.

    """
    if isinstance(value, str) and value.upper() in StageStatus.__members__:
        return StageStatus[value.upper()]
    if isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            return StageStatus(value)
    raise UnknownStatus(status=str(value)[:40])


def _locked(session: Session, task_id: int) -> Task:
    task = session.get(Task, task_id, with_for_update=True)
    if task is None:
        raise NotFound(what="submission")
    return task


def _attempt(session: Session, task: Task, number: int | None) -> TaskAttempt:
    found = session.scalar(
        select(TaskAttempt).where(
            TaskAttempt.task_id == task.id, TaskAttempt.number == (number or task.current_attempt)
        )
    )
    if found is None:
        raise NotFound(what="attempt")
    return found


def _stage_row(session: Session, attempt: TaskAttempt, name: str) -> TaskStageStatus:
    row = session.scalar(
        select(TaskStageStatus)
        .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        .where(TaskStageStatus.attempt_id == attempt.id, ProcessingStage.stage_name == name)
    )
    if row is None:
        raise UnknownStage(stage=name[:100])
    return row


def _apply(
    session: Session,
    ctx: Context,
    attempt: TaskAttempt,
    *,
    row: TaskStageStatus,
    name: str,
    status: StageStatus,
) -> None:
    current = StageStatus(row.status_id)
    if attempt.closed_at is not None or not may_move(current, status):
        add_log(
            session,
            attempt,
            f"Late or repeated report: {name} {status.name} (stays {current.name})",
            at=ctx.now(),
            stage_id=row.stage_id,
        )
        return
    row.status_id = status
    row.started_at = row.started_at or ctx.now()
    if status.is_final:
        row.ended_at = ctx.now()
    if status is StageStatus.FAILED:
        row.reason = _reason(session, attempt, row)
    if status is StageStatus.COMPLETED:
        session.execute(
            update(TaskStageStatus)
            .where(
                TaskStageStatus.attempt_id == attempt.id,
                TaskStageStatus.position == row.position + 1,
                TaskStageStatus.queued_at.is_(None),
            )
            .values(queued_at=ctx.now())
        )
    add_log(session, attempt, f"{name}: {current.name} → {status.name}", at=ctx.now(), stage_id=row.stage_id)


def _reason(session: Session, attempt: TaskAttempt, row: TaskStageStatus) -> str | None:
    """The last error line of the stage in this run: what the student reads first."""
    reason = session.scalar(
        select(TaskLog.log_message)
        .where(
            TaskLog.task_id == attempt.task_id,
            TaskLog.attempt == attempt.number,
            TaskLog.run == attempt.run,
            TaskLog.stage_id == row.stage_id,
            TaskLog.level == LogLevel.ERROR,
        )
        .order_by(TaskLog.id.desc())
        .limit(1)
    )
    return reason[:REASON_LIMIT] if reason else None


def _stages(session: Session, task: Task) -> list[tuple[str, StageStatus]]:
    rows = session.execute(
        select(ProcessingStage.stage_name, TaskStageStatus.status_id)
        .join(TaskStageStatus, TaskStageStatus.stage_id == ProcessingStage.id)
        .join(TaskAttempt, TaskAttempt.id == TaskStageStatus.attempt_id)
        .where(TaskAttempt.task_id == task.id, TaskAttempt.number == task.current_attempt)
        .order_by(TaskStageStatus.position)
    )
    return [(name, StageStatus(status)) for name, status in rows]


def _settle(
    session: Session, ctx: Context, task: Task, attempt: TaskAttempt, statuses: Sequence[StageStatus]
) -> None:
    """Keep `task.status_id` what the statuses of its stages make it."""
    task.status_id = derive_task_status(statuses)
    if StageStatus(task.status_id).is_final and attempt.ended_at is None:
        attempt.ended_at = ctx.now()
    session.flush()


def _open_run(session: Session, ctx: Context, task: Task, attempt: TaskAttempt, cause: RequeueCause) -> None:
    """Start another run of `attempt`; the caller holds the task's lock."""
    unfinished = session.scalars(
        select(TaskStageStatus)
        .where(TaskStageStatus.attempt_id == attempt.id, TaskStageStatus.status_id != StageStatus.COMPLETED)
        .order_by(TaskStageStatus.position)
    ).all()
    attempt.run += 1
    attempt.ended_at = None
    first = unfinished[0] if unfinished else None
    for row in unfinished:
        row.status_id, row.run = StageStatus.PENDING, attempt.run
        row.started_at = row.ended_at = row.reason = None
        row.queued_at = ctx.now() if row is first else None
    session.add(
        RequeueEvent(
            task_id=task.id,
            at=ctx.now(),
            cause=cause,
            stage_id=first.stage_id if first else None,
            attempt=attempt.number,
            run=attempt.run,
        )
    )
    session.execute(
        update(TaskMetrics)
        .where(TaskMetrics.task_id == task.id)
        .values(requeue_count=TaskMetrics.requeue_count + 1)
    )
    session.flush()
    add_log(session, attempt, f"Requeued by the orchestrator: run {attempt.run}", at=ctx.now())
    _settle(session, ctx, task, attempt, [status for _, status in _stages(session, task)])
