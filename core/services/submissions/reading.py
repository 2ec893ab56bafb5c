"""Where a submission stands: its stages, attempts and log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.errors import NotAllowed, NotFound, NotSignedIn
from core.models import (
    Assignment,
    DefinitionStage,
    ProcessingStage,
    Task,
    TaskAttempt,
    TaskDefinition,
    TaskMetrics,
    TaskStageStatus,
    User,
)
from core.services import originals
from core.services.downloads import Download
from core.services.paging import decode_cursor, encode_cursor
from core.services.queueing import WaitingReason, why_waiting
from core.services.submissions.logs import LOG_PAGE, LogLine, read_lines
from core.vocabulary import FailedBy, StageStatus


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage of one attempt."""

    id: int
    position: int
    stage_name: str
    status: StageStatus
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    exchange: str
    routing_key: str
    failed_by: FailedBy | None = None
    """What showed that it had failed, where the orchestrator said so over the broker."""


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt with its stages in order."""

    number: int
    run: int
    created_at: datetime
    copied_at: datetime | None
    published_at: datetime | None
    ended_at: datetime | None
    closed_at: datetime | None
    stalled_at: datetime | None
    """Since when it is known that nothing is heard of it any more."""
    crash_loop_at: datetime | None
    """Since when it is known that nodes crash on it over and over."""
    results_lack: tuple[str, ...]
    """Files of the student that the archive of its results lacks."""
    file_path: str
    stages: tuple[StageView, ...]
    waiting_reason: WaitingReason | None
    """Why it is not with the broker yet, if something is in the way."""


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """A submission in a list."""

    id: int
    assignment_id: int | None
    """None: a dry run."""
    assignment_name: str
    """Of a dry run, the name of the definition."""
    student_id: int
    reference: str
    file_name: str
    created_at: datetime
    status: StageStatus
    attempt: int
    is_late: bool
    """It came after the due date and the time of grace."""
    dry_run_of: int | None = None
    """The definition that is tried."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """A submission in full. `logs` is a page of lines, oldest first; `logs_cursor` leads to older ones."""

    summary: TaskSummary
    course_id: int | None
    """None: a dry run, which is in none."""
    student_email: str
    student_name: str
    size: int
    sha256: str
    requeue_count: int
    attempts: tuple[AttemptView, ...]
    logs: tuple[LogLine, ...]
    logs_cursor: str | None = None

    @property
    def current(self) -> AttemptView:
        """The attempt that counts."""
        return next(attempt for attempt in self.attempts if attempt.number == self.summary.attempt)

    @property
    def trial(self) -> AttemptView | None:
        """The attempt that is on trial, if one is: it counts once that is applied."""
        last = self.attempts[-1]
        return last if last.number > self.summary.attempt and last.closed_at is None else None


def list_my_tasks(ctx: Context, actor: Actor, course_id: int | None = None) -> list[TaskSummary]:
    """The actor's own submissions, newest first."""
    if actor.user_id is None:
        raise NotSignedIn
    with ctx.db.transaction() as session:
        query = (
            select(Task, Assignment.assignment_name)
            .join(Assignment, Assignment.id == Task.assignment_id)
            .where(Task.created_by_id == actor.user_id)
            .order_by(Task.id.desc())
        )
        if course_id is not None:
            query = query.where(Assignment.course_id == course_id)
        return [_summary(task, name) for task, name in session.execute(query)]


def get_task(
    ctx: Context, actor: Actor, task_id: int, *, logs_cursor: str | None = None, logs_limit: int = LOG_PAGE
) -> TaskView:
    """One submission in full, with the newest `logs_limit` lines of its log, or those before `logs_cursor`.

    Raises:
        BadCursor: the cursor was not answered here.
        NotFound: there is none, or the actor may not know that it exists.

    """
    before = None if logs_cursor is None else decode_cursor(logs_cursor)
    logs_limit = max(1, min(logs_limit, LOG_PAGE))
    with ctx.db.transaction() as session:
        task, assignment, student, requeues = find_task(session, actor, task_id)
        name = assignment.assignment_name if assignment else _definition_name(session, task)
        # A student is told of what counts: a trial is shown to them once it is applied.
        own = task.created_by_id == actor.user_id
        most = task.current_attempt if own else None
        lines = read_lines(session, task_id, before, logs_limit + 1, most)
        older = len(lines) > logs_limit
        logs = lines[-logs_limit:]
        return TaskView(
            summary=_summary(task, name),
            course_id=assignment.course_id if assignment else None,
            student_email=student.email,
            student_name=student.full_name,
            size=task.original_size,
            sha256=task.original_sha256,
            requeue_count=requeues,
            attempts=_attempts(session, ctx, task, most),
            logs=logs,
            logs_cursor=encode_cursor(logs[0].id) if older else None,
        )


def open_original(ctx: Context, actor: Actor, task_id: int) -> Download:
    """The student's original, byte for byte."""
    with ctx.db.transaction() as session:
        task, *_ = find_task(session, actor, task_id, others=Right.READ_ANY_FILE)
    open_at = partial(originals.stream, ctx, task)
    return Download(task.original_name, task.original_size, open_at, task.original_sha256)


def find_task(
    session: Session, actor: Actor, task_id: int, *, others: Right = Right.READ_ANY_TASK
) -> tuple[Task, Assignment | None, User, int]:
    """The submission with its assignment, student and requeues, for use cases within `session`.

    Whoever did not hand it in needs the right `others`. A dry run has no assignment, and only who began it
    may see it: the sample may be a student's work.

    Raises:
        NotFound: there is none, or the actor may not know that it exists.

    """
    row = session.execute(
        select(Task, Assignment, User, TaskMetrics.requeue_count)
        .outerjoin(Assignment, Assignment.id == Task.assignment_id)
        .join(User, User.id == Task.created_by_id)
        .join(TaskMetrics, TaskMetrics.task_id == Task.id)
        .where(Task.id == task_id)
    ).one_or_none()
    if row is None:
        raise NotFound(what="submission")
    task, assignment, student, requeues = row
    own = task.created_by_id == actor.user_id
    right = Right.READ_OWN_TASK if own else others
    try:
        if task.assignment_id is None:
            require(session, actor, Right.READ_DRY_RUN, owner_id=task.created_by_id)
        else:
            require(session, actor, right, course_id=assignment.course_id, owner_id=task.created_by_id)
    except NotAllowed as denied:  # a fellow student may not even know that it exists
        raise NotFound(what="submission") from denied
    return task, assignment if task.assignment_id is not None else None, student, requeues


def _definition_name(session: Session, task: Task) -> str:
    return session.get_one(TaskDefinition, task.dry_run_of).definition_name


def _attempts(session: Session, ctx: Context, task: Task, most: int | None) -> tuple[AttemptView, ...]:
    attempts = session.scalars(
        select(TaskAttempt)
        .where(TaskAttempt.task_id == task.id, *([] if most is None else [TaskAttempt.number <= most]))
        .order_by(TaskAttempt.number)
    ).all()
    rows = session.execute(
        select(
            TaskStageStatus, ProcessingStage.stage_name, DefinitionStage.exchange, DefinitionStage.routing_key
        )
        .join(ProcessingStage, ProcessingStage.id == TaskStageStatus.stage_id)
        .join(TaskAttempt, TaskAttempt.id == TaskStageStatus.attempt_id)
        .join(
            DefinitionStage,
            (DefinitionStage.version_id == TaskAttempt.version_id)
            & (DefinitionStage.position == TaskStageStatus.position),
        )
        .where(TaskStageStatus.task_id == task.id)
        .order_by(TaskStageStatus.position)
    )
    stages: dict[int, list[StageView]] = {attempt.id: [] for attempt in attempts}
    for stage, name, exchange, routing_key in rows:
        if stage.attempt_id in stages:
            stages[stage.attempt_id].append(_stage(stage, name, exchange, routing_key))
    return tuple(
        _attempt(task, attempt, tuple(stages[attempt.id]), why_waiting(session, ctx, task, attempt))
        for attempt in attempts
    )


def _attempt(
    task: Task, attempt: TaskAttempt, stages: tuple[StageView, ...], waiting_reason: WaitingReason | None
) -> AttemptView:
    return AttemptView(
        number=attempt.number,
        run=attempt.run,
        created_at=attempt.created_at,
        copied_at=attempt.copied_at,
        published_at=attempt.published_at,
        ended_at=attempt.ended_at,
        closed_at=attempt.closed_at,
        stalled_at=attempt.stalled_at,
        crash_loop_at=attempt.crash_loop_at if task.status_id != StageStatus.COMPLETED else None,
        results_lack=tuple(attempt.results_lack),
        file_path=attempt.file_path,
        stages=stages,
        waiting_reason=waiting_reason,
    )


def _stage(stage: TaskStageStatus, name: str, exchange: str, routing_key: str) -> StageView:
    return StageView(
        id=stage.id,
        position=stage.position,
        stage_name=name,
        status=StageStatus(stage.status_id),
        queued_at=stage.queued_at,
        started_at=stage.started_at,
        ended_at=stage.ended_at,
        reason=stage.reason,
        exchange=exchange,
        routing_key=routing_key,
        failed_by=None if stage.failed_by is None else FailedBy(stage.failed_by),
    )


def _summary(task: Task, assignment_name: str) -> TaskSummary:
    return TaskSummary(
        id=task.id,
        assignment_id=task.assignment_id,
        assignment_name=assignment_name,
        student_id=task.created_by_id,
        reference=task.reference,
        file_name=task.original_name,
        created_at=task.creation_timestamp,
        status=StageStatus(task.status_id),
        attempt=task.current_attempt,
        is_late=task.is_late,
        dry_run_of=task.dry_run_of,
    )
