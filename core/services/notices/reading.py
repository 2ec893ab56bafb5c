"""What a person has not read yet of their results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.models import Assignment, CourseMember, ResultNotice, Task
from core.services import topics
from core.vocabulary import StageStatus

MOST = 50
"""Notices that are answered at once."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A result that has arrived. `at`: when."""

    id: int
    task_id: int
    course_id: int
    assignment_name: str
    reference: str
    status: StageStatus
    at: datetime


def list_unread(ctx: Context, actor: Actor) -> list[Notice]:
    """The actor's own notices that they have not read, the newest first, `MOST` at most.

    Raises:
        NotSignedIn, NotAllowed: nobody with an account is asking.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_OWN_NOTICES)
        rows = session.execute(
            select(
                ResultNotice.id,
                ResultNotice.task_id,
                Assignment.course_id,
                Assignment.assignment_name,
                Task.reference,
                ResultNotice.status_id,
                ResultNotice.at,
            )
            .join(Task, Task.id == ResultNotice.task_id)
            .join(Assignment, Assignment.id == Task.assignment_id)
            .join(
                CourseMember,
                (CourseMember.course_id == Assignment.course_id)
                & (CourseMember.user_id == ResultNotice.user_id),
            )
            .where(
                ResultNotice.user_id == actor.user_id,
                ResultNotice.read_at.is_(None),
                ResultNotice.shown_from <= ctx.now(),
            )
            .order_by(ResultNotice.id.desc())
            .limit(MOST)
        ).all()
    return [
        Notice(number, task_id, course_id, name, reference, StageStatus(status), at)
        for number, task_id, course_id, name, reference, status, at in rows
    ]


def mark_read(ctx: Context, actor: Actor, notice_id: int) -> None:
    """The actor has seen it; what is not theirs or was read before stays as it is.

    Raises:
        NotSignedIn, NotAllowed: nobody with an account is asking.

    """
    _mark(ctx, actor, ResultNotice.id == notice_id)


def mark_all_read(ctx: Context, actor: Actor) -> None:
    """The actor has seen all that is shown to them.

    Raises:
        NotSignedIn, NotAllowed: nobody with an account is asking.

    """
    _mark(ctx, actor, ResultNotice.shown_from <= ctx.now())


def _mark(ctx: Context, actor: Actor, which: ColumnElement[bool]) -> None:
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_OWN_NOTICES)
        session.execute(
            update(ResultNotice)
            .where(which, ResultNotice.user_id == actor.user_id, ResultNotice.read_at.is_(None))
            .values(read_at=ctx.now())
        )
        if actor.user_id is not None:
            notify(session, topics.of_user(actor.user_id))
