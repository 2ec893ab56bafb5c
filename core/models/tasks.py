"""Submissions and everything that happens to them.

A *task* has numbered *attempts*; each attempt has one row per stage. The one rule of which attempt
counts is `Task.current_attempt`: lists, figures and exports show its rows. Older attempts stay for
comparison; one with a higher number is a trial, which counts once it has become the current one.

A *dry run* is a task without an assignment: a professor's sample, sent through the stages of a
definition. Figures, lists and notices begin at assignments, so none of them can know of it.
"""

from __future__ import annotations

from sqlalchemy import (
    BIGINT,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class Task(Base):
    """One submission of one student to one assignment, or one dry run of a definition."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("created_by_id", "submit_key"),
        CheckConstraint("stored_at IN ('ftp', 'postgres')", name="stored_at"),
        CheckConstraint("original_size >= 0", name="original_size"),
        CheckConstraint("current_attempt >= 1", name="current_attempt"),
        CheckConstraint("num_nonnulls(assignment_id, dry_run_of) = 1", name="place"),
        Index("ix_task_assignment_id_created_by_id_id", "assignment_id", "created_by_id", "id"),
        Index("ix_task_assignment_id_id", "assignment_id", "id"),
        Index("ix_task_status_id_id", "status_id", "id"),
        Index("ix_task_created_by_id_id", "created_by_id", "id"),
        Index("ix_task_creation_timestamp", "creation_timestamp"),
        Index("ix_task_kept", "id", postgresql_where=text("stored_at = 'postgres'")),
        Index(
            "ix_task_failed_of_student",
            "created_by_id",
            "creation_timestamp",
            "id",
            postgresql_where=text("status_id = 4"),
        ),
        Index("ix_task_dry_run_of", "dry_run_of", postgresql_where=text("dry_run_of IS NOT NULL")),
    )

    id: Mapped[Id]
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"))
    """None: a dry run."""
    dry_run_of: Mapped[int | None] = mapped_column(ForeignKey("task_definition.id", ondelete="CASCADE"))
    """The definition that is tried, of a dry run."""
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    creation_timestamp: Mapped[Moment]
    submit_key: Mapped[str]
    reference: Mapped[str] = mapped_column(unique=True)
    original_path: Mapped[str] = mapped_column(unique=True)
    original_name: Mapped[str]
    original_size: Mapped[int]
    original_sha256: Mapped[str]
    stored_at: Mapped[str]
    status_id: Mapped[int] = mapped_column(
        SmallInteger, ForeignKey("processing_status.id"), server_default=text("1")
    )
    current_attempt: Mapped[int] = mapped_column(server_default=text("1"))
    is_late: Mapped[bool] = mapped_column(server_default=text("false"))
    """It came after the due date and the time of grace, where the assignment accepts that."""


class OriginalBytes(Base):
    """A piece of an original that waits for the FTP server (`Task.stored_at` is `postgres`)."""

    __tablename__ = "original_bytes"

    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class TaskAttempt(Base):
    """One file path handed to the orchestrator. At most one attempt of a task is live."""

    __tablename__ = "task_attempt"
    __table_args__ = (
        UniqueConstraint("task_id", "number"),
        Index("ix_task_attempt_repeated", "run", postgresql_where=text("run > 1 AND closed_at IS NULL")),
        Index("uq_task_attempt_live", "task_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index(
            "ix_task_attempt_uncopied",
            "id",
            postgresql_where=text("copied_at IS NULL AND closed_at IS NULL"),
        ),
        Index(
            "ix_task_attempt_under_way",
            "version_id",
            "published_at",
            postgresql_where=text("ended_at IS NULL AND closed_at IS NULL"),
        ),
        CheckConstraint("file_path ~ '^/[A-Za-z0-9._/-]+[.]zip$'", name="file_path"),
        CheckConstraint("number >= 1 AND run >= 1", name="numbers"),
        Index("ix_task_attempt_version_id", "version_id"),
        Index("ix_task_attempt_ended_at", "ended_at"),
    )

    id: Mapped[Id]
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    number: Mapped[int]
    version_id: Mapped[int] = mapped_column(ForeignKey("definition_version.id"))
    file_path: Mapped[str] = mapped_column(unique=True)
    run: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[Moment]
    copied_at: Mapped[Moment | None]
    copy_tries: Mapped[int] = mapped_column(server_default=text("0"))
    copy_error: Mapped[str | None]
    copy_next_try_at: Mapped[Moment | None]
    published_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    closed_at: Mapped[Moment | None]
    stalled_at: Mapped[Moment | None]
    """Since when it is known that nothing is heard of it any more."""
    crash_loop_at: Mapped[Moment | None]
    """Since when it is known that nodes crash on it and hand it out again, over and over."""
    results_checked_at: Mapped[Moment | None]
    results_lack: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """Files of the student that the archive lacks after several runs."""


class TaskStageStatus(Base):
    """Where one stage of one attempt stands. The trigger `task_stage_status_forward` guards the moves."""

    __tablename__ = "task_stage_status"
    __table_args__ = (
        UniqueConstraint("attempt_id", "position"),
        UniqueConstraint("attempt_id", "stage_id"),
        Index("ix_task_stage_status_task_id", "task_id"),
        Index("ix_task_stage_status_ended_at", "ended_at"),
        Index("ix_task_stage_status_stage_id_status_id_task_id", "stage_id", "status_id", "task_id"),
        Index(
            "ix_task_stage_status_failure_key_ended_at",
            "failure_key",
            "ended_at",
            postgresql_where=text("status_id = 4"),
        ),
        Index("ix_task_stage_status_unread", "id", postgresql_where=text("status_id = 4 AND cause IS NULL")),
        CheckConstraint("(status_id IN (3, 4)) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("status_id = 1 OR started_at IS NOT NULL", name="started"),
        CheckConstraint("verdict IN (3, 4)", name="verdict"),
        CheckConstraint("failed_by IN ('verdict', 'crash', 'upload')", name="failed_by"),
    )

    id: Mapped[Id]
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("task_attempt.id", ondelete="CASCADE"))
    stage_id: Mapped[int] = mapped_column(ForeignKey("processing_stage.id"))
    position: Mapped[int]
    status_id: Mapped[int] = mapped_column(
        SmallInteger, ForeignKey("processing_status.id"), server_default=text("1")
    )
    run: Mapped[int] = mapped_column(server_default=text("1"))
    queued_at: Mapped[Moment | None]
    started_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    reason: Mapped[str | None]
    """Why it failed, for people: the first error of its output, else what was said last."""
    cause: Mapped[str | None]
    """What failures of the same cause share. Empty: the output names no error; None: it was not read yet."""
    failure_key: Mapped[str | None] = mapped_column(
        Computed(
            "CASE WHEN (status_id = 4) THEN failure_key(COALESCE(NULLIF(cause, ''), reason))"
            " ELSE NULL::text END",
            persisted=True,
        )
    )
    """The hash of `cause`, else of `reason`, without what differs from one failure to the next."""
    verdict: Mapped[int | None] = mapped_column(SmallInteger)
    """What a node has judged in this run; shown nowhere, since it is not final yet."""
    failed_by: Mapped[str | None]
    failed_tag: Mapped[int | None]
    """The delivery tag of the report that showed the failure."""
    deliveries: Mapped[list[int]] = mapped_column(ARRAY(BIGINT), server_default="{}")
    """Delivery tags under which nodes took the task for this stage, in order of arrival; -1: unknown."""
    early: Mapped[list[int]] = mapped_column(ARRAY(BIGINT), server_default="{}")
    """Delivery tags that were heard of before their *Task received*."""


class TaskLog(Base):
    """A line of a task's history: what the orchestrator said and what we did."""

    __tablename__ = "task_log"
    __table_args__ = (
        Index("ix_task_log_task_id_id", "task_id", "id"),
        CheckConstraint("level IN ('info', 'warning', 'error')", name="level"),
        CheckConstraint("source IN ('orchestrator', 'platform')", name="source"),
    )

    id: Mapped[Id]
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    run: Mapped[int]
    stage_id: Mapped[int | None] = mapped_column(ForeignKey("processing_stage.id"))
    level: Mapped[str] = mapped_column(server_default="info")
    source: Mapped[str]
    log_message: Mapped[str]
    logged_at: Mapped[Moment]


class TaskMetrics(Base):
    """Counters of a task."""

    __tablename__ = "task_metrics"
    __table_args__ = (CheckConstraint("requeue_count >= 0", name="requeue_count"),)

    id: Mapped[Id]
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), unique=True)
    requeue_count: Mapped[int] = mapped_column(server_default=text("0"))


class RequeueEvent(Base):
    """One requeue: when, at which stage, why, and who if it was a person."""

    __tablename__ = "requeue_event"
    __table_args__ = (
        Index("ix_requeue_event_task_id", "task_id"),
        Index("ix_requeue_event_at", "at"),
        CheckConstraint("cause IN ('manual', 'orchestrator', 'node_lost', 'crash')", name="cause"),
        CheckConstraint("(cause = 'manual') = (actor_id IS NOT NULL)", name="actor"),
    )

    id: Mapped[Id]
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    at: Mapped[Moment]
    cause: Mapped[str]
    stage_id: Mapped[int | None] = mapped_column(ForeignKey("processing_stage.id"))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(server_default="")
    attempt: Mapped[int]
    run: Mapped[int]
