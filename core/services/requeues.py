"""Requeue a submission that failed or hangs, or whose results are damaged, from the untouched original."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotAllowed, NotFound, NotRequeueable, OnTrial, TooManyRequeues
from core.models import Assignment, RequeueEvent, Task, TaskAttempt, TaskMetrics, TaskStageStatus
from core.services import audit, notices
from core.services.attempts import add_log, notify_task, open_attempt
from core.services.audit import Deed
from core.vocabulary import AuditAction, RequeueCause, StageStatus


@dataclass(frozen=True, slots=True)
class Requeued:
    """The attempt that was opened."""

    task_id: int
    attempt: int
    requeue_count: int


def requeue(ctx: Context, actor: Actor, task_id: int, *, note: str = "") -> Requeued:
    """Close the attempt of a task that failed, hangs or lost files, and open the next one.

    The new attempt uses the definition's current version, so that a mended image takes effect.
    `note`: why, for those who read the history later.

    Raises:
        NotFound, NotAllowed: who may requeue is professors and monitors of the course.
        NotRequeueable: the task waits, runs or has passed; so a second click changes nothing.
        TooManyRequeues: it has had `ULOS_MAX_ATTEMPTS` attempts.

    """
    with ctx.db.transaction() as session:
        task = session.get(Task, task_id, with_for_update=True)
        if task is None or task.assignment_id is None:  # a dry run is begun anew, not requeued
            raise NotFound(what="submission")
        assignment = session.get_one(Assignment, task.assignment_id)
        require(session, actor, Right.REQUEUE, course_id=assignment.course_id)
        if actor.user_id is None:
            raise NotAllowed
        live = counted_attempt(session, task)
        if not is_requeueable(task, live):
            raise NotRequeueable
        check_room(session, ctx, task)
        before = {"attempt": task.current_attempt, "status": StageStatus(task.status_id).name}
        requeued = open_next_attempt(
            session, ctx, task, RequeueCause.MANUAL, actor_id=actor.user_id, note=note.strip()
        )
        _write_down(session, ctx, actor, task, course_id=assignment.course_id, note=note, before=before)
        notify_task(session, task)
        return requeued


def is_requeueable(task: Task, attempt: TaskAttempt) -> bool:
    """Whether there is a reason to run the task again: it failed, hangs, or its results are damaged."""
    if task.status_id == StageStatus.COMPLETED:
        return bool(attempt.results_lack)
    return (
        task.status_id == StageStatus.FAILED
        or attempt.stalled_at is not None
        or attempt.crash_loop_at is not None
    )


def live_attempt(session: Session, task: Task) -> TaskAttempt:
    """The attempt that is open, which is on trial where it is not the one that counts.

    The caller holds the task's lock.
    """
    return session.scalars(
        select(TaskAttempt).where(TaskAttempt.task_id == task.id, TaskAttempt.closed_at.is_(None))
    ).one()


def open_next_attempt(
    session: Session,
    ctx: Context,
    task: Task,
    cause: RequeueCause,
    *,
    actor_id: int | None = None,
    note: str = "",
) -> Requeued:
    """Close the live attempt and open the next one; the caller holds the task's lock and may do so."""
    old = live_attempt(session, task)
    stage = session.scalar(
        select(TaskStageStatus.stage_id)
        .where(TaskStageStatus.attempt_id == old.id, TaskStageStatus.status_id != StageStatus.COMPLETED)
        .order_by((TaskStageStatus.status_id == StageStatus.FAILED).desc(), TaskStageStatus.position)
        .limit(1)
    )
    notices.withdraw(session, [old.id], unread_only=True)
    attempt = open_next(session, ctx, task, old)
    task.current_attempt, task.status_id = attempt.number, StageStatus.PENDING
    event = RequeueEvent(
        task_id=task.id,
        at=ctx.now(),
        cause=cause,
        stage_id=stage,
        actor_id=actor_id,
        note=note,
        attempt=attempt.number,
        run=1,
    )
    count = count_requeue(session, event)
    how = "by hand" if cause is RequeueCause.MANUAL else "since nothing was heard of it"
    add_log(session, attempt, f"Requeued {how}: attempt {attempt.number}", at=ctx.now())
    return Requeued(task.id, attempt.number, count)


def counted_attempt(session: Session, task: Task) -> TaskAttempt:
    """The attempt that counts, which is the open one; the caller holds the task's lock.

    Raises:
        OnTrial: another one is open.

    """
    live = live_attempt(session, task)
    if live.number > task.current_attempt:
        raise OnTrial
    return live


def check_room(session: Session, ctx: Context, task: Task) -> None:
    """Let a task pass that may have another attempt.

    Raises:
        TooManyRequeues: it may not.

    """
    if not has_room(session, ctx, task):
        raise TooManyRequeues(limit=ctx.settings.max_attempts)


def has_room(session: Session, ctx: Context, task: Task) -> bool:
    """Whether a task may have another attempt."""
    last = session.scalar(select(func.max(TaskAttempt.number)).where(TaskAttempt.task_id == task.id)) or 0
    return max(last, task.current_attempt) < ctx.settings.max_attempts


def open_next(session: Session, ctx: Context, task: Task, old: TaskAttempt) -> TaskAttempt:
    """Close `old` and open the next attempt, whether it is to count or not."""
    last = session.scalar(select(func.max(TaskAttempt.number)).where(TaskAttempt.task_id == task.id))
    old.closed_at = ctx.now()
    session.flush()
    return open_attempt(session, ctx, task, (last or old.number) + 1)


def count_requeue(session: Session, event: RequeueEvent) -> int:
    """Record a requeue; how many the task has had with it."""
    session.add(event)
    count = session.scalar(
        update(TaskMetrics)
        .where(TaskMetrics.task_id == event.task_id)
        .values(requeue_count=TaskMetrics.requeue_count + 1)
        .returning(TaskMetrics.requeue_count)
    )
    return count or 0


def _write_down(
    session: Session,
    ctx: Context,
    actor: Actor,
    task: Task,
    *,
    course_id: int,
    note: str,
    before: dict[str, object],
) -> None:
    audit.record(
        session,
        ctx,
        actor,
        Deed(
            AuditAction.REQUEUE,
            task.reference,
            course_id=course_id,
            task_id=task.id,
            note=note,
            before=before,
            after={"attempt": task.current_attempt, "status": StageStatus.PENDING.name},
        ),
    )
