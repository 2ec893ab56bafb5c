"""Apply a trial re-run or discard it, as a set: all of its attempts count from now on, or none ever does."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import NotAllowed, TrialDecided, TrialUnderWay
from core.models import Assignment, Operation, OperationItem, Task, TaskAttempt
from core.services import topics, trials
from core.services.attempts import notify_tasks
from core.services.operations.comparing import find_trial, outcome
from core.services.trials import Trial
from core.vocabulary import StageStatus, TrialDecision


def apply_trial(ctx: Context, actor: Actor, operation_id: int) -> int:
    """Have every attempt of the trial count in place of the one before; how many.

    Raises:
        NotFound, NotAllowed: only who started it and is professor of its courses.
        TrialUnderWay: it has not been carried out yet, or some of its attempts have no result.
        TrialDecided: it was discarded. What was applied already stays applied.

    """
    return _decide(ctx, actor, operation_id, TrialDecision.APPLIED)


def discard_trial(ctx: Context, actor: Actor, operation_id: int) -> int:
    """Have no attempt of the trial ever count; what counted before goes on to count. How many.

    Raises:
        NotFound, NotAllowed: only who started it and is professor of its courses.
        TrialUnderWay: it has not been carried out yet; stop it first.
        TrialDecided: it was applied. What was discarded already stays discarded.

    """
    return _decide(ctx, actor, operation_id, TrialDecision.DISCARDED)


def _decide(ctx: Context, actor: Actor, operation_id: int, decision: TrialDecision) -> int:
    with ctx.db.transaction() as session:
        operation = find_trial(session, actor, operation_id, lock=True)
        if actor.user_id is None:
            raise NotAllowed
        if operation.decision == decision:
            return 0
        if operation.decision is not None:
            raise TrialDecided
        tried = _tried(session, operation)
        for course_id in {row.course_id for row in tried}:
            require(session, actor, Right.DECIDE_TRIAL, course_id=course_id)
        applies = decision is TrialDecision.APPLIED
        if operation.ended_at is None or (applies and any(row.result is None for row in tried)):
            raise TrialUnderWay
        for row in tried:
            trial = Trial(row.Task, row.TaskAttempt, operation.note)
            if applies:
                trials.apply(session, ctx, actor, trial, StageStatus(row.result))
            else:
                trials.discard(session, ctx, actor, trial)
        operation.decision, operation.decided_at = decision, ctx.now()
        operation.decided_by_id = actor.user_id
        session.flush()
        notify_tasks(session, [row.Task.id for row in tried])
        notify(session, topics.of_user(operation.started_by_id))
        return len(tried)


def _tried(session: Session, operation: Operation) -> Sequence[Row[Task, TaskAttempt, int, int | None]]:
    """The submissions of the trial that still exist, locked in the order of their ids."""
    return session.execute(
        select(Task, TaskAttempt, Assignment.course_id, outcome(TaskAttempt.id).label("result"))
        .join(OperationItem, OperationItem.task_id == Task.id)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .join(
            TaskAttempt,
            (TaskAttempt.task_id == Task.id) & (TaskAttempt.number == OperationItem.attempt),
        )
        .where(OperationItem.operation_id == operation.id, TaskAttempt.closed_at.is_(None))
        .order_by(Task.id)
        .with_for_update(of=Task)
    ).all()
