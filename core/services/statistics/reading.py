"""The figures of one assignment: who has handed in, what passed, how long it took, why it failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Float, and_, cast, extract, func, select
from sqlalchemy.orm import Session

from core.context import Actor, Context
from core.models import Assignment, CourseMember, ProcessingStage, Task, TaskAttempt, TaskStageStatus
from core.services.monitoring import (
    Failures,
    HourCount,
    Scope,
    StageCount,
    Summary,
    count_by_hour,
    count_by_stage,
    group_failures,
    summarise,
)
from core.services.monitoring.scope import inside, joined
from core.services.statistics.students import AtRisk, StudentName, who_is_at_risk, who_is_missing
from core.vocabulary import Role, StageStatus

_SHARES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, in seconds; None without samples."""

    samples: int
    p50: float | None
    p90: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Of the ended runs of one stage: how long it waited and how long it ran."""

    stage_name: str
    waiting: Spread
    running: Spread


@dataclass(frozen=True, slots=True)
class Funnel:
    """Students of the course: all, those who handed in, those whose latest submission passed each stage."""

    enrolled: int
    submitted: int
    passed: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything that is drawn for one assignment. `feedback`: from handing in to the end.

    `stages` and `times` are in processing order. `submissions_per_student`: how many students have
    handed in how many times, 0 included.
    """

    assignment_id: int
    due: datetime
    summary: Summary
    funnel: Funnel
    stages: tuple[StageCount, ...]
    times: tuple[StageTimes, ...]
    feedback: Spread
    hours: tuple[HourCount, ...]
    submissions_per_student: tuple[tuple[int, int], ...]
    failures: Failures
    not_submitted: tuple[StudentName, ...]
    at_risk: tuple[AtRisk, ...]


def read_statistics(ctx: Context, actor: Actor, assignment_id: int) -> Statistics:
    """The figures of an assignment, over all of its submissions.

    Raises:
        NotFound: there is no such assignment, or it is none of the actor's.
        NotAllowed: figures are for those who teach.

    """
    scope = Scope(assignment_id=assignment_id)
    with ctx.db.transaction() as session:
        whole = replace(ctx, db=ctx.db.joined(session))
        conditions = inside(session, actor, scope)
        submissions = _count_submissions(session, assignment_id)
        return Statistics(
            assignment_id=assignment_id,
            due=session.get_one(Assignment, assignment_id).assignment_end_date,
            summary=summarise(whole, actor, scope),
            funnel=Funnel(
                enrolled=len(submissions),
                submitted=sum(1 for count in submissions if count),
                passed=_count_passed(session, assignment_id),
            ),
            stages=tuple(count_by_stage(whole, actor, scope)),
            times=_measure_stages(session, conditions),
            feedback=_measure_feedback(session, conditions),
            hours=tuple(count_by_hour(whole, actor, scope)),
            submissions_per_student=tuple(sorted(Counter(submissions).items())),
            failures=group_failures(whole, actor, scope),
            not_submitted=who_is_missing(session, assignment_id),
            at_risk=who_is_at_risk(session, assignment_id),
        )


def _count_submissions(session: Session, assignment_id: int) -> list[int]:
    """How many submissions each enrolled student has."""
    return list(
        session.scalars(
            select(func.count(Task.id))
            .select_from(CourseMember)
            .join(Assignment, Assignment.course_id == CourseMember.course_id)
            .outerjoin(
                Task, and_(Task.assignment_id == Assignment.id, Task.created_by_id == CourseMember.user_id)
            )
            .where(Assignment.id == assignment_id, CourseMember.role == Role.STUDENT)
            .group_by(CourseMember.user_id)
        )
    )


def _count_passed(session: Session, assignment_id: int) -> tuple[tuple[str, int], ...]:
    """Enrolled students whose latest submission has completed each stage, in processing order."""
    latest = (
        select(func.max(Task.id))
        .join(Assignment, Assignment.id == Task.assignment_id)
        .join(
            CourseMember,
            and_(
                CourseMember.course_id == Assignment.course_id,
                CourseMember.user_id == Task.created_by_id,
                CourseMember.role == Role.STUDENT,
            ),
        )
        .where(Assignment.id == assignment_id)
        .group_by(Task.created_by_id)
    )
    rows = session.execute(
        joined(
            select(
                ProcessingStage.stage_name,
                func.count().filter(TaskStageStatus.status_id == StageStatus.COMPLETED),
            )
            .select_from(TaskStageStatus)
            .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        )
        .where(Task.id.in_(latest))
        .group_by(ProcessingStage.stage_name)
        .order_by(func.min(TaskStageStatus.position), ProcessingStage.stage_name)
    )
    return tuple((name, count) for name, count in rows)


def _measure_stages(session: Session, conditions: list[ColumnElement[bool]]) -> tuple[StageTimes, ...]:
    waited = _seconds(TaskStageStatus.started_at, TaskStageStatus.queued_at)
    ran = _seconds(TaskStageStatus.ended_at, TaskStageStatus.started_at)
    rows = session.execute(
        joined(
            select(ProcessingStage.stage_name, *_spread(waited), *_spread(ran))
            .select_from(TaskStageStatus)
            .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        )
        .where(*conditions, TaskStageStatus.ended_at.is_not(None))
        .group_by(ProcessingStage.stage_name)
        .order_by(func.min(TaskStageStatus.position), ProcessingStage.stage_name)
    )
    half = len(_SHARES) + 1
    return tuple(StageTimes(name, Spread(*both[:half]), Spread(*both[half:])) for name, *both in rows)


def _measure_feedback(session: Session, conditions: list[ColumnElement[bool]]) -> Spread:
    taken = _seconds(TaskAttempt.ended_at, Task.creation_timestamp)
    row = session.execute(
        select(*_spread(taken))
        .select_from(Task)
        .join(Assignment, Assignment.id == Task.assignment_id)
        .join(TaskAttempt, and_(TaskAttempt.task_id == Task.id, TaskAttempt.number == Task.current_attempt))
        .where(*conditions)
    ).one()
    samples, p50, p90, p99 = row[:4]
    return Spread(int(samples), p50, p90, p99)


def _seconds(end: object, start: object) -> ColumnElement[float]:
    return cast(extract("epoch", end - start), Float)  # type: ignore[operator]  # columns of either nullability


def _spread(seconds: ColumnElement[float]) -> list[ColumnElement[float]]:
    shares = [cast(func.percentile_cont(share).within_group(seconds), Float) for share in _SHARES]
    return [func.count(seconds), *shares]
