"""Count first, then start: a re-run of many submissions, carried out in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.db import notify
from core.errors import NotAllowed, NothingToRequeue
from core.models import Operation, OperationItem, Task, User
from core.services import topics
from core.services.operations.carrying import OPERATIONS_TOPIC
from core.services.operations.selecting import Selection, select_tasks
from core.services.texts import clean_text
from core.vocabulary import StageStatus

SAMPLE = 5
"""How many submissions a preview shows."""

NOTE_LIMIT = 500
"""Longest note, in characters."""


@dataclass(frozen=True, slots=True)
class SampleTask:
    """One of the submissions that would be requeued."""

    task_id: int
    reference: str
    student_email: str
    submitted_at: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would do: how many are selected, how many it would requeue, and some of these.

    The rest is waiting, runs, or has passed, and would be left alone; `exhausted` have had as many
    attempts as they may have.
    """

    selected: int
    requeueable: int
    exhausted: int
    sample: tuple[SampleTask, ...]


def preview_requeue(ctx: Context, actor: Actor, selection: Selection, *, trial: bool = False) -> Preview:
    """What `start_requeue` would do now.

    Raises:
        NotSignedIn, NotAllowed: who may requeue is professors and monitors of the course.
        NotFound: what is selected does not exist, or is none of the actor's.

    """
    with ctx.db.transaction() as session:
        found = select_tasks(session, actor, selection).order_by(None).subquery()
        failed = _fit(trial=trial)
        room = Task.current_attempt < ctx.settings.max_attempts
        selected, requeueable, exhausted = session.execute(
            select(func.count(), func.count().filter(failed, room), func.count().filter(failed, ~room))
            .select_from(Task)
            .join(found, found.c.id == Task.id)
        ).one()
        rows = session.execute(
            select(Task, User.email)
            .join(found, found.c.id == Task.id)
            .join(User, User.id == Task.created_by_id)
            .where(failed, room)
            .order_by(Task.id)
            .limit(SAMPLE)
        )
        sample = tuple(
            SampleTask(task.id, task.reference, email, task.creation_timestamp, task.current_attempt)
            for task, email in rows
        )
        return Preview(selected, requeueable, exhausted, sample)


def _fit(*, trial: bool) -> ColumnElement[bool]:
    """Which submissions are run again: failed ones; on trial all that have a result."""
    finals = [StageStatus.FAILED, StageStatus.COMPLETED] if trial else [StageStatus.FAILED]
    return Task.status_id.in_(finals)


def start_requeue(
    ctx: Context, actor: Actor, selection: Selection, note: str, key: str, *, trial: bool = False
) -> int:
    """Have every failed submission of `selection` requeued in the background; the operation's id.

    With `trial` every one that has a result is run again, and none of these attempts counts until the
    whole is applied; only professors of the course may, and who may not is left out at its turn.

    `note`: why, for those who read the history later. `key`: the same key of the same person starts
    once and answers the same operation. Who may requeue is asked again at each submission's turn.

    Raises:
        NotSignedIn, NotAllowed: who may requeue is professors and monitors of the course.
        NotFound: what is selected does not exist, or is none of the actor's.
        Required, TooLong, BadText: the note.
        NothingToRequeue: none of them has failed and may have another attempt.

    """
    with ctx.db.transaction() as session:
        tasks = select_tasks(session, actor, selection).order_by(None).subquery()
        if actor.user_id is None:
            raise NotAllowed
        reason = clean_text("note", note, limit=NOTE_LIMIT, required=True)
        mine = select(Operation.id).where(
            Operation.started_by_id == actor.user_id, Operation.start_key == key
        )
        if (known := session.scalar(mine)) is not None:
            return known
        wanted = session.scalars(
            select(Task.id)
            .where(
                Task.id.in_(select(tasks.c.id)),
                _fit(trial=trial),
                Task.current_attempt < ctx.settings.max_attempts,
            )
            .order_by(Task.id)
        ).all()
        if not wanted:
            raise NothingToRequeue
        values = {"note": reason, "total": len(wanted), "is_trial": trial, "created_at": ctx.now()}
        made = _make(session, values | {"started_by_id": actor.user_id, "start_key": key}, wanted)
        if made is None:  # the twin of this click has just been committed
            return session.scalars(mine).one()
        notify(session, OPERATIONS_TOPIC, topics.of_user(actor.user_id))
        return made


def _make(session: Session, values: Mapping[str, object], wanted: Sequence[int]) -> int | None:
    """The operation with its items, by its number; None where the same click has made it already."""
    made: int | None = session.scalar(
        insert_or_not(Operation)
        .values(**values)
        .on_conflict_do_nothing(index_elements=[Operation.started_by_id, Operation.start_key])
        .returning(Operation.id)
    )
    if made is not None:
        session.execute(
            insert(OperationItem), [{"operation_id": made, "task_id": task_id} for task_id in wanted]
        )
    return made
