"""Carry out an operation, one submission at a time: requeued and recorded in one transaction.

So whoever dies in between leaves an item either done or untouched, and the next process goes on
from there. The row of the operation is locked meanwhile: once it is stopped, nothing more happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.db import notify
from core.errors import NotAllowed, NotFound, NotRequeueable, TooManyRequeues
from core.models import Operation, OperationItem, Task
from core.services import requeues, topics, trials
from core.vocabulary import ItemOutcome

OPERATIONS_TOPIC = "operations"
"""What wakes the loop: an operation was started."""


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """An item that has been dealt with."""

    item_id: int
    task_id: int


def carry_out_next(ctx: Context, taken: Callable[[int], None]) -> CarriedOut | None:
    """Deal with the first item of the oldest open operation; None when there is nothing to do.

    `taken` is told the id of the item before anything happens, so that the caller knows which one it
    was if this fails. An operation that another process is at is left to that.

    Raises:
        DatabaseUnavailable: the item stays as it was.

    """
    with ctx.db.transaction() as session:
        operation = session.scalars(
            select(Operation)
            .where(Operation.ended_at.is_(None))
            .order_by(Operation.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if operation is None:
            return None
        item = session.scalars(
            select(OperationItem)
            .where(OperationItem.operation_id == operation.id, OperationItem.outcome.is_(None))
            .order_by(OperationItem.id)
            .limit(1)
        ).one()
        taken(item.id)
        who = Actor(user_id=operation.started_by_id)
        item.before_attempt = session.scalar(
            select(Task.current_attempt).where(Task.id == item.task_id).with_for_update()
        )
        outcome, attempt = _run_again(replace(ctx, db=ctx.db.joined(session)), who, operation, item.task_id)
        _record(session, ctx, item, outcome, attempt)
        return CarriedOut(item.id, item.task_id)


def give_up_item(ctx: Context, item_id: int) -> None:
    """Record that an item cannot be dealt with because of a fault of ours, so that the rest goes on."""
    with ctx.db.transaction() as session:
        item = session.get_one(OperationItem, item_id)
        session.get_one(Operation, item.operation_id, with_for_update=True)
        session.refresh(item)
        if item.outcome is None:
            _record(session, ctx, item, ItemOutcome.ERROR, None)


def _run_again(
    ctx: Context, who: Actor, operation: Operation, task_id: int
) -> tuple[ItemOutcome, int | None]:
    try:
        if operation.is_trial:
            return ItemOutcome.REQUEUED, trials.try_again(ctx, who, task_id, note=operation.note)
        done = requeues.requeue(ctx, who, task_id, note=operation.note)
    except NotRequeueable:
        return ItemOutcome.NOT_FAILED, None
    except TooManyRequeues:
        return ItemOutcome.TOO_MANY, None
    except NotFound:
        return ItemOutcome.GONE, None
    except NotAllowed:
        return ItemOutcome.NOT_ALLOWED, None
    return ItemOutcome.REQUEUED, done.attempt


def _record(
    session: Session, ctx: Context, item: OperationItem, outcome: ItemOutcome, attempt: int | None
) -> None:
    item.outcome, item.attempt, item.done_at = outcome, attempt, ctx.now()
    session.flush()
    operation = session.get_one(Operation, item.operation_id)
    waiting = select(OperationItem.id).where(
        OperationItem.operation_id == operation.id, OperationItem.outcome.is_(None)
    )
    if operation.ended_at is None and not session.scalar(select(exists(waiting))):
        operation.ended_at = ctx.now()
        session.flush()
    notify(session, topics.of_user(operation.started_by_id))
