"""What a student asks of their own submissions to one assignment."""

from __future__ import annotations

from dataclasses import replace

from core.auth import Right, require, roles_of
from core.context import Actor, Context
from core.errors import NotFound
from core.models import Task
from core.services.submissions.rows import TaskRow, course_of, read_rows, task_query
from core.services.submissions.stages import StageMark
from core.vocabulary import Role, StageStatus


def is_student_of(ctx: Context, actor: Actor, assignment_id: int) -> bool:
    """Whether `actor` takes part in the assignment's course as a student.

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course.

    """
    with ctx.db.transaction() as session:
        if actor.user_id is None:
            return False
        course_id = course_of(session, assignment_id)
        require(session, actor, Right.READ_COURSE, course_id=course_id)
        return roles_of(session, actor, course_id) == {Role.STUDENT}


def find_my_latest(ctx: Context, actor: Actor, assignment_id: int) -> TaskRow | None:
    """The actor's own latest submission to an assignment (contract 1.3).

    Raises:
        NotFound: there is no such assignment, or the actor is a stranger to its course.

    """
    with ctx.db.transaction() as session:
        course_id = course_of(session, assignment_id)
        require(session, actor, Right.READ_OWN_TASK, course_id=course_id, owner_id=actor.user_id)
        latest = task_query().where(Task.assignment_id == assignment_id, Task.created_by_id == actor.user_id)
        rows = session.execute(latest.order_by(Task.id.desc()).limit(1)).all()
        return next(iter(read_rows(session, rows)), None)


def get_as_accepted(ctx: Context, actor: Actor, task_id: int) -> TaskRow:
    """The actor's own submission as it was when it was accepted, whatever has happened since.

    So the same submission sent again under its key gets the same answer.
    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.READ_OWN_TASK, owner_id=actor.user_id)
        rows = session.execute(
            task_query().where(Task.id == task_id, Task.created_by_id == actor.user_id)
        ).all()
        if not rows:
            raise NotFound(what="submission")
        now = read_rows(session, rows, attempt=1)[0]
    stages = tuple(
        StageMark(
            id=stage.id,
            stage_name=stage.stage_name,
            status=StageStatus.PENDING,
            queued_at=None if position else now.creation_timestamp,
            started_at=None,
            ended_at=None,
            reason=None,
        )
        for position, stage in enumerate(now.stages)
    )
    return replace(now, status=StageStatus.PENDING, attempt=1, requeue_count=0, stages=stages)
