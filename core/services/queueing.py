"""Who goes next to the broker, and why somebody waits.

In a rush one student's forty tries must not stand before everybody else's first one. So of what
waits, fresh submissions go before re-runs, the oldest first; the newest submission of a student
takes the best place that this student has; and no student and no assignment has more under way than
the settings allow. An attempt is *under way* from its publication to its end; after an hour without
an end it no longer takes a place, because what got lost must not block anybody for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, case, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.broker import Message, no_queue
from core.context import Context
from core.models import OutboxMessage, Task, TaskAttempt
from core.vocabulary import WaitingCause

UNDER_WAY_FOR = timedelta(hours=1)
"""After this time without an end an attempt takes no place any more."""

_LIMITS_LOCK = "limits"

_WHO = case((Task.assignment_id.is_(None), -Task.created_by_id), else_=Task.created_by_id)
"""Whose room is taken. Dry runs take none of their person's submissions; they have as much of their own."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A message whose turn it is."""

    outbox_id: int
    attempt_id: int
    task_id: int
    tries: int
    message: Message
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingReason:
    """Why an attempt is not with the broker yet.

    `detail` says what is in the way, `place` is the exchange and key that it goes to, `limit` how
    many may be under way at once.
    """

    cause: WaitingCause
    detail: str = ""
    place: str = ""
    limit: int = 0

    def __str__(self) -> str:
        """In English, for programs and operators."""
        if self.cause is WaitingCause.STUDENT_LIMIT:
            return f"{self.limit} submissions of this student are under way, the most that may be at once"
        if self.cause is WaitingCause.ASSIGNMENT_LIMIT:
            return f"{self.limit} submissions of this assignment are under way, the most that may be at once"
        return self.detail


def choose_next(session: Session, ctx: Context, count: int) -> list[Chosen]:
    """Up to `count` messages whose turn it is, in order, locked for this transaction.

    Several relays may choose at once, each gets others. With limits one chooses at a time, since
    two would not see what the other is about to bring under way.
    """
    settings = ctx.settings
    limited = bool(settings.max_under_way_per_student or settings.max_under_way_per_assignment)
    if limited and not session.scalar(
        select(func.pg_try_advisory_xact_lock(func.hashtextextended(_LIMITS_LOCK, 0)))
    ):
        return []
    line = _line(ctx)
    if limited:
        line = _within_limits(line, ctx)
    chosen = select(line).order_by(line.c.again, line.c.place).limit(count).subquery("chosen")
    rows = session.execute(
        select(OutboxMessage, TaskAttempt.task_id)
        .join(chosen, chosen.c.id == OutboxMessage.id)
        .join(TaskAttempt, TaskAttempt.id == OutboxMessage.attempt_id)
        .where(OutboxMessage.published_at.is_(None), TaskAttempt.closed_at.is_(None))
        .order_by(chosen.c.again, chosen.c.place)
        .with_for_update(of=OutboxMessage, skip_locked=True)
    )
    return [
        Chosen(
            row.id,
            row.attempt_id,
            task_id,
            row.tries,
            Message(row.exchange, row.routing_key, row.body),
            row.request_id,
        )
        for row, task_id in rows
    ]


def why_waiting(session: Session, ctx: Context, task: Task, attempt: TaskAttempt) -> WaitingReason | None:
    """Why `attempt` is not with the broker yet; None when it is, or is about to be."""
    if attempt.published_at or attempt.ended_at or attempt.closed_at:
        return None
    if attempt.copied_at is None:
        return WaitingReason(WaitingCause.FILES, attempt.copy_error) if attempt.copy_error else None
    row = session.scalars(select(OutboxMessage).where(OutboxMessage.attempt_id == attempt.id)).first()
    if row is not None and row.last_error:
        unbound = row.last_error == no_queue(Message(row.exchange, row.routing_key, b""))
        cause = WaitingCause.NO_QUEUE if unbound else WaitingCause.REFUSED
        return WaitingReason(cause, row.last_error, f"{row.exchange}/{row.routing_key}")
    for cause, column, who, limit in (
        (
            WaitingCause.STUDENT_LIMIT,
            _WHO,
            task.created_by_id if task.assignment_id is not None else -task.created_by_id,
            ctx.settings.max_under_way_per_student,
        ),
        (
            WaitingCause.ASSIGNMENT_LIMIT,
            Task.assignment_id,
            task.assignment_id,
            ctx.settings.max_under_way_per_assignment,
        ),
    ):
        if limit and (session.scalar(_under_way(ctx, column).where(column == who)) or 0) >= limit:
            return WaitingReason(cause, limit=limit)
    return None


def _line(ctx: Context) -> FromClause:
    """What may go out, with its place: a student's newest gets the place of this student's oldest."""
    # Materialised, so that the few that wait are found first whatever the planner believes: begun at
    # the attempts, of which every task has a live one, it took 400 ms for 3,000 that wait, not 20.
    due = (
        select(OutboxMessage.id, OutboxMessage.attempt_id)
        .where(
            OutboxMessage.published_at.is_(None),
            or_(OutboxMessage.next_try_at.is_(None), OutboxMessage.next_try_at <= ctx.now()),
        )
        .cte("due")
        .prefix_with("MATERIALIZED")
    )
    again = TaskAttempt.number > 1
    same = (_WHO, again)
    waiting = (
        select(
            due.c.id,
            _WHO.label("student"),
            Task.assignment_id.label("assignment"),
            again.label("again"),
            func.row_number().over(partition_by=same, order_by=due.c.id.desc()).label("newest"),
        )
        .join_from(due, TaskAttempt, TaskAttempt.id == due.c.attempt_id)
        .join(Task, Task.id == TaskAttempt.task_id)
        .where(TaskAttempt.copied_at.is_not(None), TaskAttempt.closed_at.is_(None))
        .subquery("waiting")
    )
    place = func.nth_value(waiting.c.id, cast(waiting.c.newest, Integer)).over(
        partition_by=(waiting.c.student, waiting.c.again), order_by=waiting.c.id, rows=(None, None)
    )
    return select(*_columns(waiting), place.label("place")).subquery("line")


def _columns(rows: FromClause) -> list[ColumnElement[Any]]:
    return [rows.c.id, rows.c.student, rows.c.assignment, rows.c.again]


def _within_limits(line: FromClause, ctx: Context) -> FromClause:
    """Those of `line` that their student and their assignment have room for."""
    per_student = ctx.settings.max_under_way_per_student
    per_assignment = ctx.settings.max_under_way_per_assignment
    if per_assignment:  # first, lest what cannot go takes its student's room
        line = _counted(line, ctx, line.c.assignment, Task.assignment_id, room=per_assignment, nth=False)
    if per_student:
        line = _counted(line, ctx, line.c.student, _WHO, room=per_student, nth=True)
    if per_assignment:
        line = _counted(line, ctx, line.c.assignment, Task.assignment_id, room=per_assignment, nth=True)
    return line


def _counted(
    line: FromClause,
    ctx: Context,
    who: ColumnElement[int],
    column: ColumnElement[int] | InstrumentedAttribute[int | None],
    *,
    room: int,
    nth: bool,
) -> FromClause:
    """Those of `line` for whose `who` fewer than `room` are under way; with `nth`, the first that fit."""
    busy = _under_way(ctx, column).add_columns(column.label("who")).group_by(column).subquery()
    taken = func.coalesce(busy.c.taken, 0)
    before = func.row_number().over(partition_by=who, order_by=(line.c.again, line.c.place)) - 1
    ranked = (
        select(line, (taken + before if nth else taken).label("ahead"))
        .outerjoin(busy, busy.c.who == who)
        .subquery()
    )
    return select(*_columns(ranked), ranked.c.place).where(ranked.c.ahead < room).subquery()


def _under_way(ctx: Context, column: ColumnElement[int] | InstrumentedAttribute[int | None]) -> Select[Any]:
    """How many attempts take a place, to be narrowed or grouped by `column`."""
    return (
        select(func.count(column).label("taken"))
        .join_from(TaskAttempt, Task, Task.id == TaskAttempt.task_id)
        .where(
            TaskAttempt.published_at > ctx.now() - UNDER_WAY_FOR,
            TaskAttempt.ended_at.is_(None),
            TaskAttempt.closed_at.is_(None),
        )
    )
