"""Which submissions were requeued: the most often, and in one hour of the week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Subquery, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.context import Actor, Context
from core.db import natural
from core.models import Assignment, Course, RequeueEvent, Task, TaskDefinition, User
from core.services.monitoring.counting import counted, whole_sum
from core.services.monitoring.scope import Scope, at_stage, inside, window
from core.services.monitoring.sources import Kind
from core.vocabulary import RequeueCause, StageStatus


@dataclass(frozen=True, slots=True)
class Offender:
    """A submission that was requeued `count` times within the scope's window."""

    task_id: int
    reference: str
    student_email: str
    assignment_name: str
    status: StageStatus
    count: int
    last_at: datetime


def list_offenders(
    ctx: Context,
    actor: Actor,
    scope: Scope,
    *,
    cause: RequeueCause | None = None,
    hour: tuple[int, int] | None = None,
    zone: str = "UTC",
    limit: int = 100,
) -> list[Offender]:
    """Requeued submissions, the most often requeued first, at most `limit`.

    `hour`: only requeues in this (weekday from Monday 1 to Sunday 7, hour 0 to 23) as seen in `zone`.
    """
    local = func.timezone(zone, RequeueEvent.at)
    conditions = [*window(RequeueEvent.at, scope), *at_stage(scope, RequeueEvent.stage_id)]
    if cause is not None:
        conditions.append(RequeueEvent.cause == cause)
    if hour is not None:
        conditions += [
            func.extract("isodow", local) == hour[0],
            func.extract("hour", local) == hour[1],
        ]
    with ctx.db.transaction() as session:
        rows = session.execute(
            select(
                Task.id,
                Task.reference,
                User.email,
                Assignment.assignment_name,
                Task.status_id,
                func.count(),
                func.max(RequeueEvent.at),
            )
            .select_from(RequeueEvent)
            .join(Task, Task.id == RequeueEvent.task_id)
            .join(User, User.id == Task.created_by_id)
            .join(Assignment, Assignment.id == Task.assignment_id)
            .where(*inside(session, actor, scope, windowed=False), *conditions)
            .group_by(Task.id, User.email, Assignment.assignment_name)
            .order_by(func.count().desc(), Task.id.desc())
            .limit(limit)
        )
        return [
            Offender(number, reference, email, assignment, StageStatus(status), count, last)
            for number, reference, email, assignment, status, count, last in rows
        ]


def count_requeues_by_course(ctx: Context, actor: Actor, scope: Scope) -> dict[str, int]:
    """Requeues within the scope's window by the name of the course, the most first."""
    with ctx.db.transaction() as session:
        found = counted(session, actor, scope, Kind.REQUEUED, by_course=True)
        return _by_name(session, scope, found, Course.course_name, found.c.course_id == Course.id)


def count_requeues_by_definition(ctx: Context, actor: Actor, scope: Scope) -> dict[str, int]:
    """Requeues within the scope's window by the name of the definition, the most first."""
    with ctx.db.transaction() as session:
        found = counted(session, actor, scope, Kind.REQUEUED)
        same = found.c.definition_id == TaskDefinition.id
        return _by_name(session, scope, found, TaskDefinition.definition_name, same)


def _by_name(
    session: Session,
    scope: Scope,
    found: Subquery,
    name: InstrumentedAttribute[str],
    same: ColumnElement[bool],
) -> dict[str, int]:
    total = whole_sum(found.c.count)
    rows = session.execute(
        select(name, total)
        .join(found, same)
        .where(*at_stage(scope, found.c.stage_id))
        .group_by(name)
        .order_by(total.desc(), natural(name))
    )
    return {str(label): int(count) for label, count in rows}
