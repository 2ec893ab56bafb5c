"""Where an operation stands, what became of each submission, and stopping it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, literal, select
from sqlalchemy.orm import Session, aliased

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import NotFound, OperationOver
from core.models import Assignment, Operation, OperationItem, ProcessingStage, Task, TaskAttempt, User
from core.models import TaskStageStatus as Stage
from core.services import topics
from core.services.monitoring.scope import UNDER_WAY
from core.vocabulary import ItemOutcome, OperationState, StageStatus, TrialDecision

PAGE = 50
"""Items on one page."""


@dataclass(frozen=True, slots=True)
class OperationView:
    """Where an operation stands.

    `outcomes` counts the items that have been dealt with, `waiting` those that have not; of those
    requeued, `passed`, `failed` and `under_way` say where they stand now.
    """

    id: int
    state: OperationState
    note: str
    started_by_email: str
    created_at: datetime
    ended_at: datetime | None
    total: int
    waiting: int
    outcomes: dict[ItemOutcome, int]
    passed: int
    failed: int
    under_way: int
    is_trial: bool = False
    decision: TrialDecision | None = None

    @property
    def done(self) -> int:
        """How many items have been dealt with."""
        return self.total - self.waiting


@dataclass(frozen=True, slots=True)
class ItemView:
    """What became of one submission: how it had failed, and where it stands now.

    `outcome` is None while it waits. `student_email` is None and the rest unknown once it is deleted.
    """

    task_id: int
    student_email: str | None
    assignment_name: str | None
    outcome: ItemOutcome | None
    failed_stage: str | None
    failed_reason: str | None
    attempt: int | None
    status: StageStatus | None


def get(ctx: Context, actor: Actor, operation_id: int) -> OperationView:
    """The operation as it stands.

    Raises:
        NotFound: there is none of this number.
        NotAllowed: it is somebody else's.

    """
    with ctx.db.transaction() as session:
        operation = _mine(session, actor, operation_id)
        return _views(session, [operation])[0]


def list_mine(ctx: Context, actor: Actor, *, limit: int = 20) -> list[OperationView]:
    """The operations that `actor` has started, the newest first.

    Raises:
        NotSignedIn, NotAllowed: nobody who may have started one is asking.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.FOLLOW_OPERATION, owner_id=actor.user_id)
        return _views(
            session,
            session.scalars(
                select(Operation)
                .where(Operation.started_by_id == actor.user_id)
                .order_by(Operation.id.desc())
                .limit(limit)
            ).all(),
        )


def stop(ctx: Context, actor: Actor, operation_id: int) -> OperationView:
    """End the operation: what waits in it is left as it is; what was requeued stays so.

    Raises:
        NotFound, NotAllowed: as for `get`.
        OperationOver: it has ended already; a second click on stop changes nothing.

    """
    with ctx.db.transaction() as session:
        operation = _mine(session, actor, operation_id)
        session.refresh(operation, with_for_update=True)
        if operation.ended_at is not None and operation.stopped_at is None:
            raise OperationOver
        if operation.stopped_at is None:
            operation.ended_at = operation.stopped_at = ctx.now()
            operation.stopped_by_id = actor.user_id
            session.flush()
            notify(session, topics.of_user(operation.started_by_id))
        return _views(session, [operation])[0]


def list_items(
    ctx: Context, actor: Actor, operation_id: int, *, page: int = 1, outcome: ItemOutcome | None = None
) -> list[ItemView]:
    """`PAGE` items of an operation, in order; with `outcome`, those that ended so.

    Raises:
        NotFound, NotAllowed: as for `get`.

    """
    with ctx.db.transaction() as session:
        operation = _mine(session, actor, operation_id)
        rows = session.execute(
            _items()
            .where(
                OperationItem.operation_id == operation.id,
                *([] if outcome is None else [OperationItem.outcome == outcome]),
            )
            .order_by(OperationItem.id)
            .offset((max(page, 1) - 1) * PAGE)
            .limit(PAGE)
        )
        return [
            ItemView(
                task_id=item.task_id,
                student_email=email,
                assignment_name=assignment,
                outcome=ItemOutcome(item.outcome) if item.outcome else None,
                failed_stage=stage,
                failed_reason=reason,
                attempt=item.attempt,
                status=StageStatus(status) if status else None,
            )
            for item, email, assignment, stage, reason, status in rows
        ]


def _items() -> Select[*tuple[Any, ...]]:
    """Items with their submission and the failure that the requeue is an answer to."""
    before = aliased(TaskAttempt)
    failed = (
        select(Stage)
        .where(Stage.attempt_id == before.id, Stage.status_id == StageStatus.FAILED)
        .order_by(Stage.position)
        .limit(1)
        .lateral()
    )
    number = func.coalesce(OperationItem.before_attempt, OperationItem.attempt - 1, Task.current_attempt)
    return (
        select(
            OperationItem,
            User.email,
            Assignment.assignment_name,
            ProcessingStage.stage_name,
            failed.c.reason,
            Task.status_id,
        )
        .outerjoin(Task, Task.id == OperationItem.task_id)
        .outerjoin(User, User.id == Task.created_by_id)
        .outerjoin(Assignment, Assignment.id == Task.assignment_id)
        .outerjoin(before, and_(before.task_id == Task.id, before.number == number))
        .outerjoin(failed, literal(value=True))
        .outerjoin(ProcessingStage, ProcessingStage.id == failed.c.stage_id)
    )


def _mine(session: Session, actor: Actor, operation_id: int) -> Operation:
    operation = session.get(Operation, operation_id)
    if operation is None:
        require(session, actor, Right.FOLLOW_OPERATION, owner_id=actor.user_id)
        raise NotFound(what="operation")
    require(session, actor, Right.FOLLOW_OPERATION, owner_id=operation.started_by_id)
    return operation


def _views(session: Session, operations: Sequence[Operation]) -> list[OperationView]:
    ids = [operation.id for operation in operations]
    requeued = OperationItem.outcome == ItemOutcome.REQUEUED
    fate = case(
        (~requeued, None),
        (Task.status_id == StageStatus.COMPLETED, "passed"),
        (Task.status_id == StageStatus.FAILED, "failed"),
        (Task.status_id.in_(UNDER_WAY), "under_way"),
    )
    rows = session.execute(
        select(OperationItem.operation_id, OperationItem.outcome, fate, func.count())
        .outerjoin(Task, Task.id == OperationItem.task_id)
        .where(OperationItem.operation_id.in_(ids))
        .group_by(OperationItem.operation_id, OperationItem.outcome, fate)
    ).all()
    emails = dict(
        session.execute(
            select(User.id, User.email).where(User.id.in_([one.started_by_id for one in operations]))
        ).all()
    )
    return [
        _view(operation, emails[operation.started_by_id], [row for row in rows if row[0] == operation.id])
        for operation in operations
    ]


def _view(operation: Operation, email: str, rows: Sequence[Row[*tuple[Any, ...]]]) -> OperationView:
    outcomes: dict[ItemOutcome, int] = {}
    fates = {"passed": 0, "failed": 0, "under_way": 0}
    for _, outcome, fate, count in rows:
        if outcome is not None:
            outcomes[ItemOutcome(outcome)] = outcomes.get(ItemOutcome(outcome), 0) + count
        if fate is not None:
            fates[fate] += count
    state = OperationState.STOPPED if operation.stopped_at else OperationState.RUNNING
    return OperationView(
        id=operation.id,
        state=OperationState.ENDED if operation.ended_at and not operation.stopped_at else state,
        note=operation.note,
        started_by_email=email,
        created_at=operation.created_at,
        ended_at=operation.ended_at,
        total=operation.total,
        waiting=operation.total - sum(outcomes.values()),
        outcomes=outcomes,
        is_trial=operation.is_trial,
        decision=TrialDecision(operation.decision) if operation.decision else None,
        **fates,
    )
