"""Attempts of a task: opening one, and the rows of its stages. Shared by submit and requeue."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from core import wire
from core.context import Context
from core.db import CHANNEL, notify
from core.models import (
    Assignment,
    DefinitionStage,
    DefinitionVersion,
    OutboxMessage,
    ProcessingStage,
    Task,
    TaskAttempt,
    TaskDefinition,
    TaskLog,
    TaskStageStatus,
)
from core.vocabulary import LogLevel, LogSource, StageStatus

OUTBOX_TOPIC = "outbox"
"""What wakes the loops: an attempt waits for its copy or a message for the broker."""

OUTPUTS_TOPIC = "outputs"
"""A stage has failed, and its output was not read yet."""


def open_attempt(session: Session, ctx: Context, task: Task, number: int) -> TaskAttempt:
    """Attempt `number` of `task` under the current version of its definition.

    Adds the attempt, a PENDING row per stage and the outbox message; the caller's transaction
    decides whether they come to be.
    """
    version_id, name, stages = _current_version(session, task)
    at = ctx.now()
    path = ctx.storage.path("attempts", f"{at:%Y%m}", f"{task.id}-{number}-{secrets.token_hex(6)}.zip")
    attempt = TaskAttempt(
        task_id=task.id, number=number, version_id=version_id, file_path=path, created_at=at
    )
    session.add(attempt)
    session.flush()
    for stage, _ in stages:
        session.add(
            TaskStageStatus(
                task_id=task.id,
                attempt_id=attempt.id,
                stage_id=stage.stage_id,
                position=stage.position,
                status_id=StageStatus.PENDING,
                queued_at=ctx.now() if stage.position == 0 else None,
            )
        )
    first = stages[0][0]
    session.add(
        OutboxMessage(
            attempt_id=attempt.id,
            exchange=first.exchange,
            routing_key=first.routing_key,
            body=wire.encode(_message(task, attempt, name, stages)),
            created_at=ctx.now(),
        )
    )
    notify(session, OUTBOX_TOPIC)
    return attempt


def _current_version(session: Session, task: Task) -> tuple[int, str, Sequence[tuple[DefinitionStage, str]]]:
    # The lock waits for a change of the definition and then sees its new version; until we commit it
    # holds off the next one, which would else judge the images of this version to be superfluous.
    opened = select(Assignment.definition_id).where(Assignment.id == task.assignment_id).scalar_subquery()
    definition = session.execute(
        select(TaskDefinition.id, TaskDefinition.definition_name, TaskDefinition.current_version)
        .where(TaskDefinition.id == (opened if task.dry_run_of is None else task.dry_run_of))
        .with_for_update(read=True, key_share=True, of=TaskDefinition)
    ).one()
    stages = session.execute(
        select(DefinitionStage, ProcessingStage.stage_name)
        .join(ProcessingStage, ProcessingStage.id == DefinitionStage.stage_id)
        .join(DefinitionVersion, DefinitionVersion.id == DefinitionStage.version_id)
        .where(
            DefinitionVersion.definition_id == definition.id,
            DefinitionVersion.number == definition.current_version,
        )
        .order_by(DefinitionStage.position)
    ).all()
    version_id = stages[0][0].version_id
    return version_id, definition.definition_name, [(stage, stage_name) for stage, stage_name in stages]


def _message(
    task: Task, attempt: TaskAttempt, name: str, stages: Sequence[tuple[DefinitionStage, str]]
) -> wire.TaskMessage:
    return wire.TaskMessage(
        task_id=str(task.id),
        owner_id=str(task.created_by_id),
        attempt=attempt.number,
        file_path=attempt.file_path,
        timeout_seconds=max(stage.timeout_seconds for stage, _ in stages),
        route=wire.plan_route([(stage.exchange, stage.routing_key) for stage, _ in stages]),
        definition_name=name,
        stages=tuple(
            wire.StageOrder(
                name=stage_name,
                image_path=stage.remote_storage_path,
                run_command=stage.run_command,
                timeout_seconds=stage.timeout_seconds,
                trusted=stage.is_trusted,
                exchange=stage.exchange,
                routing_key=stage.routing_key,
            )
            for stage, stage_name in stages
        ),
    )


def add_log(
    session: Session,
    attempt: TaskAttempt,
    message: str,
    *,
    at: datetime,
    level: LogLevel = LogLevel.INFO,
    source: LogSource = LogSource.PLATFORM,
    stage_id: int | None = None,
) -> TaskLog:
    """Add a line to the history of the attempt's task."""
    log = TaskLog(
        task_id=attempt.task_id,
        attempt=attempt.number,
        run=attempt.run,
        stage_id=stage_id,
        level=level,
        source=source,
        log_message=message,
        logged_at=at,
    )
    session.add(log)
    return log


def notify_task(session: Session, task: Task) -> None:
    """Wake every screen that shows `task`."""
    topics = [f"task:{task.id}", f"user:{task.created_by_id}"]
    if task.assignment_id is not None:
        course_id = session.get_one(Assignment, task.assignment_id).course_id
        topics += [f"course:{course_id}", "monitoring"]
    notify(session, *topics)


def notify_tasks(session: Session, task_ids: Sequence[int]) -> None:
    """Wake every screen that shows any of the tasks, in one statement."""
    topics = (
        select(
            func.unnest(
                array(
                    [
                        func.concat("task:", Task.id),
                        func.concat("user:", Task.created_by_id),
                        literal("course:") + cast(Assignment.course_id, Text),
                        literal("monitoring"),
                    ]
                )
            ).label("topic")
        )
        .outerjoin_from(Task, Assignment, Assignment.id == Task.assignment_id)
        .where(Task.id.in_(task_ids))
        .distinct()
        .subquery()
    )
    told = topics.c.topic.is_not(None)  # a dry run is in no course
    session.execute(select(func.pg_notify(CHANNEL, topics.c.topic)).where(told))
