"""A trial re-run: the outcome that counts and the one that was tried, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session, aliased

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotFound
from core.models import Assignment, Operation, OperationItem, Task, TaskAttempt, TaskStageStatus, User
from core.vocabulary import StageStatus

CHANGES_PAGE = 50
"""Rows on one page."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How many submissions of a trial would change, and how. `under_way`: those without a result yet."""

    worse: int
    better: int
    same: int
    under_way: int

    @property
    def total(self) -> int:
        """All that were tried and still exist."""
        return self.worse + self.better + self.same + self.under_way


@dataclass(frozen=True, slots=True)
class Change:
    """One submission: what counted before and what the trial came to, None while it is under way."""

    task_id: int
    reference: str
    student_email: str
    assignment_name: str
    before_attempt: int
    before: StageStatus
    attempt: int
    after: StageStatus | None


def outcome(attempt_id: ColumnElement[int] | Any) -> ColumnElement[int | None]:
    """What an attempt came to: the id of COMPLETED or FAILED, NULL while it is under way."""
    status = TaskStageStatus.status_id
    return (
        select(
            case(
                (func.bool_or(status == StageStatus.FAILED), int(StageStatus.FAILED)),
                (func.bool_and(status == StageStatus.COMPLETED), int(StageStatus.COMPLETED)),
            )
        )
        .where(TaskStageStatus.attempt_id == attempt_id)
        .scalar_subquery()
    )


def count_changes(ctx: Context, actor: Actor, operation_id: int) -> Changes:
    """How many of a trial changed, and how.

    Raises:
        NotFound: there is no such trial.
        NotAllowed: it is somebody else's.

    """
    with ctx.db.transaction() as session:
        find_trial(session, actor, operation_id)
        rows = _rows(operation_id).subquery()
        counted = session.execute(select(rows.c.kind, func.count()).group_by(rows.c.kind))
        kinds: dict[int, int] = dict(counted.all())
    return Changes(kinds.get(0, 0), kinds.get(1, 0), kinds.get(3, 0), kinds.get(2, 0))


def list_changes(ctx: Context, actor: Actor, operation_id: int, *, page: int = 1) -> list[Change]:
    """`CHANGES_PAGE` rows of a trial: first what got worse, then better, then the rest.

    Raises:
        NotFound, NotAllowed: as for `count_changes`.

    """
    with ctx.db.transaction() as session:
        find_trial(session, actor, operation_id)
        rows = session.execute(
            _rows(operation_id)
            .order_by("kind", OperationItem.id)
            .offset((max(page, 1) - 1) * CHANGES_PAGE)
            .limit(CHANGES_PAGE)
        ).all()
    return [
        Change(
            task_id=row.task_id,
            reference=row.reference,
            student_email=row.email,
            assignment_name=row.assignment_name,
            before_attempt=row.before_attempt,
            before=StageStatus(row.before),
            attempt=row.attempt,
            after=None if row.after is None else StageStatus(row.after),
        )
        for row in rows
    ]


def find_trial(session: Session, actor: Actor, operation_id: int, *, lock: bool = False) -> Operation:
    """The trial, for use cases within `session`.

    Raises:
        NotFound, NotAllowed: as for `count_changes`.

    """
    operation = session.get(Operation, operation_id, with_for_update=lock)
    if operation is None or not operation.is_trial:
        require(session, actor, Right.FOLLOW_OPERATION, owner_id=actor.user_id)
        raise NotFound(what="operation")
    require(session, actor, Right.FOLLOW_OPERATION, owner_id=operation.started_by_id)
    return operation


def _rows(operation_id: int) -> Select[*tuple[Any, ...]]:
    old, new = aliased(TaskAttempt), aliased(TaskAttempt)
    before, after = outcome(old.id), outcome(new.id)
    kind = case((after.is_(None), 2), (before == after, 3), (after == int(StageStatus.FAILED), 0), else_=1)
    return (
        select(
            OperationItem.task_id,
            Task.reference,
            User.email,
            Assignment.assignment_name,
            OperationItem.before_attempt,
            before.label("before"),
            OperationItem.attempt,
            after.label("after"),
            kind.label("kind"),
        )
        .join(Task, Task.id == OperationItem.task_id)
        .join(User, User.id == Task.created_by_id)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .join(old, and_(old.task_id == Task.id, old.number == OperationItem.before_attempt))
        .join(new, and_(new.task_id == Task.id, new.number == OperationItem.attempt))
        .where(OperationItem.operation_id == operation_id)
    )
