"""Writing back what reports have changed: one statement per table, however many tasks are held."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.db import CHANNEL
from core.services import notices
from core.services.attempts import OUTBOX_TOPIC, OUTPUTS_TOPIC
from core.services.reports.held import HeldAttempt, HeldStage, HeldTask
from core.vocabulary import FailedBy, StageStatus


def store(session: Session, tasks: Iterable[HeldTask], *, at: datetime) -> None:
    """Write back what changed, add lines and requeues, and wake the screens that show these tasks.

    `at`: when the lines and requeues are said to have been.
    """
    held = list(tasks)
    attempts = [attempt for task in held for attempt in task.attempts]
    _write(session, _UPDATE_TASKS, [_task_row(task) for task in held if task.changed])
    _write(session, _UPDATE_ATTEMPTS, [_attempt_row(attempt) for attempt in attempts if attempt.changed])
    _write(
        session,
        _UPDATE_STAGES,
        [_stage_row(stage) for attempt in attempts for stage in attempt.stages if stage.changed],
    )
    _write(session, _INSERT_LINES, [line for task in held for line in task.lines], at=at)
    _write(session, _INSERT_REQUEUES, [event for task in held for event in task.requeues], at=at)
    _write(
        session,
        _COUNT_REQUEUES,
        [{"task_id": task.id, "more": len(task.requeues)} for task in held if task.requeues],
    )
    _tell(session, held, at)
    _notify(session, held)


def _tell(session: Session, tasks: list[HeldTask], at: datetime) -> None:
    """Notices for the students whose submissions have come to a result, and none where it is taken back."""
    ended, reopened = [], []
    for task in tasks:
        attempt = task.attempt() if task.changed else None
        if attempt is None or task.course_id is None:
            continue
        if task.status.is_final:
            crashed = any(stage.failed_by in {FailedBy.CRASH, FailedBy.UPLOAD} for stage in attempt.stages)
            ended.append(notices.Ended(attempt.id, task.id, task.student_id, task.status, crashed))
        if attempt.run > 1 or attempt.ended_at is not None:
            reopened.append(attempt.id)
    notices.withdraw(session, reopened)
    notices.announce(session, ended, at=at)


def _notify(session: Session, tasks: list[HeldTask]) -> None:
    """Wake the page of each task; lists and figures only where more than its log has changed."""
    moved = [task for task in tasks if task.is_moved]
    topics = {"monitoring"} if any(task.course_id for task in moved) else set()
    if any(attempt.changed and attempt.ended_at for task in tasks for attempt in task.attempts):
        topics.add(OUTBOX_TOPIC)  # whoever waits for this place may go
    if any(_is_unread(stage) for task in moved for attempt in task.attempts for stage in attempt.stages):
        topics.add(OUTPUTS_TOPIC)
    topics |= {f"task:{task.id}" for task in tasks}
    for task in moved:
        topics.add(f"user:{task.student_id}")
        if task.course_id is not None:
            topics.add(f"course:{task.course_id}")
    if topics:
        session.execute(
            text("SELECT pg_notify(:channel, topic) FROM unnest(CAST(:topics AS text[])) AS topic"),
            {"channel": CHANNEL, "topics": sorted(topics)},
        )


def _is_unread(stage: HeldStage) -> bool:
    return stage.changed and stage.status is StageStatus.FAILED and stage.cause is None


def _write(session: Session, statement: str, rows: list[Mapping[str, object]], **values: object) -> None:
    if rows:
        session.execute(text(statement), {"rows": json.dumps(rows), **values})


def _task_row(task: HeldTask) -> Mapping[str, object]:
    return {"id": task.id, "status_id": task.status}


def _attempt_row(attempt: HeldAttempt) -> Mapping[str, object]:
    return {
        "id": attempt.id,
        "run": attempt.run,
        "ended_at": _moment(attempt.ended_at),
        "is_stalled": attempt.is_stalled,
    }


def _stage_row(stage: HeldStage) -> Mapping[str, object]:
    return {
        "id": stage.id,
        "status_id": stage.status,
        "run": stage.run,
        "queued_at": _moment(stage.queued_at),
        "started_at": _moment(stage.started_at),
        "ended_at": _moment(stage.ended_at),
        "reason": stage.reason,
        "cause": stage.cause,
        "verdict": stage.verdict,
        "failed_by": stage.failed_by,
        "failed_tag": stage.failed_tag,
        "deliveries": stage.deliveries,
        "early": stage.early,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


_UPDATE_TASKS = """
UPDATE task SET status_id = new.status_id
FROM json_to_recordset(CAST(:rows AS json)) AS new (id bigint, status_id smallint)
WHERE task.id = new.id
"""

_UPDATE_ATTEMPTS = """
UPDATE task_attempt SET
    run = new.run, ended_at = new.ended_at, stalled_at = CASE WHEN new.is_stalled THEN stalled_at END
FROM json_to_recordset(CAST(:rows AS json)) AS new (
    id bigint, run bigint, ended_at timestamptz, is_stalled boolean)
WHERE task_attempt.id = new.id
"""

_UPDATE_STAGES = """
UPDATE task_stage_status SET
    status_id = new.status_id, run = new.run, queued_at = new.queued_at, started_at = new.started_at,
    ended_at = new.ended_at, reason = new.reason, cause = new.cause, verdict = new.verdict,
    failed_by = new.failed_by, failed_tag = new.failed_tag, deliveries = new.deliveries, early = new.early
FROM json_to_recordset(CAST(:rows AS json)) AS new (
    id bigint, status_id smallint, run bigint, queued_at timestamptz, started_at timestamptz,
    ended_at timestamptz, reason text, cause text, verdict smallint, failed_by text, failed_tag bigint,
    deliveries bigint[], early bigint[])
WHERE task_stage_status.id = new.id
"""

_INSERT_LINES = """
INSERT INTO task_log (task_id, attempt, run, stage_id, level, source, log_message, logged_at)
SELECT task_id, attempt, run, stage_id, level, source, log_message, :at
FROM json_to_recordset(CAST(:rows AS json)) AS new (
    task_id bigint, attempt bigint, run bigint, stage_id bigint, level text, source text,
    log_message text)
"""

_INSERT_REQUEUES = """
INSERT INTO requeue_event (task_id, at, cause, stage_id, attempt, run)
SELECT task_id, :at, cause, stage_id, attempt, run
FROM json_to_recordset(CAST(:rows AS json)) AS new (
    task_id bigint, cause text, stage_id bigint, attempt bigint, run bigint)
"""

_COUNT_REQUEUES = """
UPDATE task_metrics SET requeue_count = requeue_count + new.more
FROM json_to_recordset(CAST(:rows AS json)) AS new (task_id bigint, more bigint)
WHERE task_metrics.task_id = new.task_id
"""
