"""Where work waits at this moment: course by course, and before the broker."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from core.context import Actor, Context
from core.models import Assignment, Course, OutboxMessage, Task, TaskAttempt, TaskStageStatus
from core.services.monitoring.queue import seconds_since
from core.services.monitoring.scope import Scope, inside, is_under_way, joined, runs, waits


@dataclass(frozen=True, slots=True)
class CourseQueue:
    """What waits and runs in one course."""

    course_id: int
    course_name: str
    waiting: int
    running: int
    oldest_waiting_seconds: float | None


def count_by_course(ctx: Context, actor: Actor) -> list[CourseQueue]:
    """The actor's courses in which something waits or runs, where most waits first.

    Raises:
        NotSignedIn, NotAllowed: figures are for those who teach.

    """
    with ctx.db.transaction() as session:
        conditions = inside(session, actor, Scope())
        tasks = (
            joined(
                select(
                    Assignment.course_id,
                    func.bool_or(runs()).label("runs"),
                    func.min(TaskStageStatus.queued_at).filter(waits()).label("queued"),
                ).select_from(TaskStageStatus)
            )
            .where(*conditions, is_under_way())
            .group_by(Task.id, Assignment.course_id)
            .subquery()
        )
        is_waiting = ~tasks.c.runs & tasks.c.queued.is_not(None)
        waiting = func.count().filter(is_waiting)
        rows = session.execute(
            select(
                Course.id,
                Course.course_name,
                waiting,
                func.count().filter(tasks.c.runs),
                func.min(tasks.c.queued).filter(is_waiting),
            )
            .join(tasks, tasks.c.course_id == Course.id)
            .group_by(Course.id)
            .order_by(waiting.desc(), Course.course_name)
        )
        return [
            CourseQueue(number, name, waits_here, running, seconds_since(ctx, oldest))
            for number, name, waits_here, running, oldest in rows
        ]


def measure_outbox_lag(ctx: Context, actor: Actor, scope: Scope) -> float | None:
    """For how many seconds the oldest message has waited for the broker; None when none waits.

    Raises:
        NotSignedIn, NotAllowed, NotFound: as for every figure.

    """
    with ctx.db.transaction() as session:
        oldest = session.scalar(
            select(func.min(OutboxMessage.created_at))
            .join(TaskAttempt, TaskAttempt.id == OutboxMessage.attempt_id)
            .join(Task, Task.id == TaskAttempt.task_id)
            .join(Assignment, Assignment.id == Task.assignment_id)
            .where(
                *inside(session, actor, scope),
                OutboxMessage.published_at.is_(None),
                TaskAttempt.closed_at.is_(None),
            )
        )
        return seconds_since(ctx, oldest)
