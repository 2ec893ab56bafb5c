"""What the people of a course say of a cause of failures: open, acknowledged or handled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import NotAllowed, NotFound
from core.models import Assignment, FailureTriage, Task, TaskStageStatus, User
from core.services import audit, topics
from core.services.audit import Deed
from core.services.texts import clean_text
from core.vocabulary import AuditAction, StageStatus, TriageState

NOTE_LIMIT = 500
"""Longest note, in characters."""


@dataclass(frozen=True, slots=True)
class Triage:
    """What was said last, by whom and when."""

    group_id: str
    state: TriageState
    owner_email: str
    note: str
    changed_at: datetime


def set_state(
    ctx: Context, actor: Actor, course_id: int, group_id: str, state: TriageState, *, note: str
) -> Triage:
    """Say of the cause `group_id` (`FailureGroup.id`) how it stands in a course; the actor owns it then.

    Handled means until now: a failure of this cause that comes later is open again.

    Raises:
        NotFound, NotAllowed: who may is professors and monitors of the course.
        NotFound: nothing in the course has ever failed of this cause.
        Required, TooLong, BadText: the note; a cause that was handled needs one.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.TRIAGE, course_id=course_id)
        if actor.user_id is None:
            raise NotAllowed
        said = clean_text("note", note, limit=NOTE_LIMIT, required=state is TriageState.HANDLED)
        _require_failures(session, course_id, group_id)
        old = session.get(FailureTriage, (course_id, group_id), with_for_update=True)
        before: dict[str, object] = {"state": old.state if old else TriageState.OPEN.value}
        now = ctx.now()
        values = {"state": state.value, "owner_id": actor.user_id, "note": said, "changed_at": now}
        session.execute(
            insert(FailureTriage)
            .values(course_id=course_id, failure_key=group_id, **values)
            .on_conflict_do_update(constraint="pk_failure_triage", set_=values)
        )
        after: dict[str, object] = {"state": state.value}
        deed = Deed(AuditAction.TRIAGE, group_id, course_id=course_id, note=said, before=before, after=after)
        audit.record(session, ctx, actor, deed)
        email = session.scalars(select(User.email).where(User.id == actor.user_id)).one()
        notify(session, topics.of_course(course_id), topics.MONITORING)
        return Triage(group_id, state, email, said, now)


def _require_failures(session: Session, course_id: int, group_id: str) -> None:
    seen = (
        select(TaskStageStatus.id)
        .join(Task, Task.id == TaskStageStatus.task_id)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .where(
            Assignment.course_id == course_id,
            TaskStageStatus.failure_key == group_id,
            TaskStageStatus.status_id == StageStatus.FAILED,
        )
        .limit(1)
    )
    if session.scalar(seen) is None:
        raise NotFound(what="failure group")
