"""Run a submission again on trial: the attempt counts when it is applied, or never.

`Task.current_attempt` is the one rule of which attempt counts, so lists, figures and exports need to
know nothing of trials: an attempt on trial is the open one with a higher number.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotFound, NotRequeueable
from core.models import Assignment, RequeueEvent, Task, TaskAttempt
from core.services import audit, notices
from core.services.attempts import add_log, notify_task
from core.services.audit import Deed
from core.services.requeues import check_room, count_requeue, counted_attempt, open_next
from core.vocabulary import AuditAction, RequeueCause, StageStatus


@dataclass(frozen=True, slots=True)
class Trial:
    """An attempt on trial, with its task, whose lock is held, and the reason for it."""

    task: Task
    attempt: TaskAttempt
    note: str


def try_again(ctx: Context, actor: Actor, task_id: int, *, note: str = "") -> int:
    """Run a submission that has a result again on trial; the number of the attempt, which does not count.

    Raises:
        NotFound, NotAllowed: who may is professors of the course.
        NotRequeueable: it has no result yet, or is on trial already.
        TooManyRequeues: it has had `ULOS_MAX_ATTEMPTS` attempts.

    """
    with ctx.db.transaction() as session:
        task = session.get(Task, task_id, with_for_update=True)
        if task is None or task.assignment_id is None:  # a dry run is begun anew, not requeued
            raise NotFound(what="submission")
        course_id = session.get_one(Assignment, task.assignment_id).course_id
        require(session, actor, Right.DECIDE_TRIAL, course_id=course_id)
        old = counted_attempt(session, task)
        if not StageStatus(task.status_id).is_final:
            raise NotRequeueable
        check_room(session, ctx, task)
        attempt = open_next(session, ctx, task, old)
        add_log(session, attempt, f"Run again on trial: attempt {attempt.number}", at=ctx.now())
        _write_down(session, ctx, actor, Trial(task, attempt, note), AuditAction.TRIAL)
        notify_task(session, task)
        return attempt.number


def apply(session: Session, ctx: Context, actor: Actor, trial: Trial, status: StageStatus) -> None:
    """From now on the attempt, which came to `status`, counts."""
    task, attempt = trial.task, trial.attempt
    before = TaskAttempt.task_id == task.id, TaskAttempt.number == task.current_attempt
    notices.withdraw(session, session.scalars(select(TaskAttempt.id).where(*before)).all(), unread_only=True)
    task.current_attempt, task.status_id = attempt.number, status
    event = RequeueEvent(
        task_id=task.id,
        at=ctx.now(),
        cause=RequeueCause.MANUAL,
        actor_id=actor.user_id,
        note=trial.note,
        attempt=attempt.number,
        run=attempt.run,
    )
    count_requeue(session, event)
    add_log(session, attempt, f"Trial applied: attempt {attempt.number} counts", at=ctx.now())
    ended = notices.Ended(attempt.id, task.id, task.created_by_id, status)
    notices.announce(session, [ended], at=ctx.now())
    _write_down(session, ctx, actor, trial, AuditAction.TRIAL_APPLIED)


def discard(session: Session, ctx: Context, actor: Actor, trial: Trial) -> None:
    """The attempt never counts; the one that does is open again."""
    task, attempt = trial.task, trial.attempt
    attempt.closed_at = ctx.now()
    session.flush()
    session.execute(
        update(TaskAttempt)
        .where(TaskAttempt.task_id == task.id, TaskAttempt.number == task.current_attempt)
        .values(closed_at=None)
    )
    add_log(session, attempt, f"Trial discarded: attempt {task.current_attempt} counts", at=ctx.now())
    _write_down(session, ctx, actor, trial, AuditAction.TRIAL_DISCARDED)


def _write_down(session: Session, ctx: Context, actor: Actor, trial: Trial, action: AuditAction) -> None:
    task = trial.task
    audit.record(
        session,
        ctx,
        actor,
        Deed(
            action,
            task.reference,
            course_id=session.get_one(Assignment, task.assignment_id).course_id,
            task_id=task.id,
            note=trial.note,
            after={"attempt": task.current_attempt, "trial": trial.attempt.number},
        ),
    )
