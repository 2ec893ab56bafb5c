"""Making and taking back notices, in the transaction that made the result."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.db import notify
from core.models import OutgoingMail, ResultNotice, User
from core.vocabulary import RESULT_MAIL, StageStatus

CRASH_SETTLES = timedelta(minutes=1)
"""How long the result of a crash is held back: the broker may hand the task out again by itself."""

_MAIL_TOPIC = "mails"


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has come to its result, the counted one of its task."""

    attempt_id: int
    task_id: int
    student_id: int
    status: StageStatus
    by_crash: bool = False


def announce(session: Session, ended: Sequence[Ended], *, at: datetime) -> None:
    """A notice for each attempt, unless it has one; a mail with it for who wants that."""
    if not ended:
        return
    rows = [
        {
            "attempt_id": one.attempt_id,
            "task_id": one.task_id,
            "user_id": one.student_id,
            "status_id": int(one.status),
            "at": at,
            "shown_from": at + CRASH_SETTLES if one.by_crash else at,
        }
        for one in ended
    ]
    made = session.execute(
        insert(ResultNotice)
        .on_conflict_do_nothing(index_elements=["attempt_id"])
        .returning(ResultNotice.id, ResultNotice.user_id, ResultNotice.shown_from),
        rows,  # beside the statement, which is the same for any number of rows and so compiled once
    ).all()
    _queue_mails(session, [(row.id, row.user_id, row.shown_from) for row in made], at)


def _queue_mails(session: Session, made: Sequence[tuple[int, int, datetime]], at: datetime) -> None:
    wanting = dict(
        session.execute(
            select(User.id, User.email).where(
                User.id.in_({user_id for _, user_id, _ in made}), User.result_mail, User.disabled_at.is_(None)
            )
        ).all()
    )
    mails = [
        OutgoingMail(
            recipient=wanting[user_id],
            purpose=RESULT_MAIL,
            notice_id=notice_id,
            created_at=at,
            next_try_at=shown_from,
        )
        for notice_id, user_id, shown_from in made
        if user_id in wanting
    ]
    if mails:
        session.add_all(mails)
        notify(session, _MAIL_TOPIC)


def withdraw(session: Session, attempt_ids: Collection[int], *, unread_only: bool = False) -> None:
    """Take back what was said of attempts that are run again; mails that wait go with it."""
    if attempt_ids:
        which = [ResultNotice.attempt_id.in_(attempt_ids)]
        if unread_only:
            which.append(ResultNotice.read_at.is_(None))
        session.execute(delete(ResultNotice).where(*which))
