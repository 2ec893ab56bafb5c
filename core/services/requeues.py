"""Requeue a failed or stalled submission: another attempt from the untouched original."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotAllowed, NotFound, NotRequeueable, TooManyRequeues
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
    """Close the failed or stalled attempt of a task and open the next one.

    The new attempt uses the definition's current version, so that a mended image takes effect.
    `note`: why, for those who read the history later.

    Raises:
        NotFound, NotAllowed: who may requeue is professors and monitors of the course.
        NotRequeueable: the task waits, runs or has passed; so a second click changes nothing.
        TooManyRequeues: it has had `ULOS_MAX_ATTEMPTS` attempts.

    """
    with ctx.db.transaction() as session:
        task = session.get(Task, task_id, with_for_update=True)
        if task is None:
            raise NotFound(what="submission")
        assignment = session.get_one(Assignment, task.assignment_id)
        require(session, actor, Right.REQUEUE, course_id=assignment.course_id)
        if actor.user_id is None:
            raise NotAllowed
        if task.status_id != StageStatus.FAILED and live_attempt(session, task).stalled_at is None:
            raise NotRequeueable
        if task.current_attempt >= ctx.settings.max_attempts:
            raise TooManyRequeues(limit=ctx.settings.max_attempts)
        before = {"attempt": task.current_attempt, "status": StageStatus(task.status_id).name}
        requeued = open_next_attempt(
            session, ctx, task, RequeueCause.MANUAL, actor_id=actor.user_id, note=note.strip()
        )
        _write_down(session, ctx, actor, task, course_id=assignment.course_id, note=note, before=before)
        notify_task(session, task)
        return requeued


def live_attempt(session: Session, task: Task) -> TaskAttempt:
    """The attempt that counts; the caller holds the task's lock."""
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
    old.closed_at = ctx.now()
    session.flush()
    attempt = open_attempt(session, ctx, task, old.number + 1)
    task.current_attempt, task.status_id = attempt.number, StageStatus.PENDING
    session.add(
        RequeueEvent(
            task_id=task.id,
            at=ctx.now(),
            cause=cause,
            stage_id=stage,
            actor_id=actor_id,
            note=note,
            attempt=attempt.number,
            run=1,
        )
    )
    count = session.scalar(
        update(TaskMetrics)
        .where(TaskMetrics.task_id == task.id)
        .values(requeue_count=TaskMetrics.requeue_count + 1)
        .returning(TaskMetrics.requeue_count)
    )
    how = "by hand" if cause is RequeueCause.MANUAL else "since nothing was heard of it"
    add_log(session, attempt, f"Requeued {how}: attempt {attempt.number}", at=ctx.now())
    return Requeued(task.id, attempt.number, count or 0)


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
