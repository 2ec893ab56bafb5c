"""Hand in work to an assignment."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import BinaryIO

from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.services.submissions.accepting import Place, Receipt, Terms, accept, find_receipt
from core.services.submissions.admission import check_admitted, check_is_student

logger = logging.getLogger(__name__)

_IN_TIME = "Submission received and stored"
_LATE = "Submission received after the due date, marked as late, and stored"


def check_may_submit(ctx: Context, actor: Actor, assignment_id: int, submit_key: str | None = None) -> None:
    """Refuse a submission before its bytes travel; `submit` checks again.

    A student of the course may always repeat a submission that was accepted under `submit_key`.

    Raises:
        NotAllowed, NotFound: the actor is no student of the course.
        NotYetOpen, AlreadyClosed, NoMoreSubmissions: the dates and rules of the assignment.

    """
    with ctx.db.transaction() as session:
        check_is_student(session, actor, assignment_id, ctx.now())
        if submit_key is None or find_receipt(session, ctx, actor, submit_key) is None:
            check_admitted(session, actor, assignment_id, ctx.now())


def submit(
    ctx: Context, actor: Actor, assignment_id: int, file: BinaryIO, *, file_name: str, submit_key: str
) -> Receipt:
    """Accept the archive `file` for an assignment, once per `submit_key`.

    `file_name` is what the student calls it; it is shown, never used as a path. The same key
    again, from the same student with the same bytes, answers the first receipt and changes nothing.

    Raises:
        KeyInUse: the key belongs to another file or assignment.
        NotAllowed, NotFound: the actor is no student of the course.
        NotYetOpen, AlreadyClosed, NoMoreSubmissions: the dates and rules of the assignment.
        BadArchive, TooLarge: the file cannot be accepted; nothing was kept.
        StorageUnavailable, DatabaseUnavailable: try again; nothing was accepted.

    """

    def admit(session: Session, at: datetime, lock: bool) -> Terms:
        admission = check_admitted(session, actor, assignment_id, at, lock=lock)
        return Terms(
            _LATE if admission.is_late else _IN_TIME,
            admission.is_late,
            admission.limit_mb,
            admission.required_names,
        )

    with ctx.db.transaction() as session:
        check_is_student(session, actor, assignment_id, ctx.now())
    place = Place(assignment_id=assignment_id)
    receipt = accept(ctx, actor, place, file, file_name=file_name, submit_key=submit_key, admit=admit)
    logger.info("submission accepted task_id=%d", receipt.task_id)
    return receipt
