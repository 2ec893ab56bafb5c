"""How work is processed, and when it is due."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class ProcessingStatus(Base):
    """The four statuses with the ids that are fixed on the wire."""

    __tablename__ = "processing_status"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    status_name: Mapped[str] = mapped_column(unique=True)


class ProcessingStage(Base):
    """A stage name that some definition uses. PARSING and EXECUTION always exist (1 and 2)."""

    __tablename__ = "processing_stage"

    id: Mapped[Id]
    stage_name: Mapped[str] = mapped_column(unique=True)


class TaskDefinition(Base):
    """What a professor sets up; its stages hang on versions, so that an edit changes no past work."""

    __tablename__ = "task_definition"
    __table_args__ = (UniqueConstraint("owner_id", "definition_name"),)

    id: Mapped[Id]
    definition_name: Mapped[str]
    definition_description: Mapped[str] = mapped_column(server_default="")
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    current_version: Mapped[int] = mapped_column(server_default=text("1"))
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))
    requeue_stalled: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a task that nothing is heard of any more gets another attempt by itself."""
    creation_timestamp: Mapped[Moment]


class DefinitionVersion(Base):
    """The stages of a definition as they were from `created_at` on."""

    __tablename__ = "definition_version"
    __table_args__ = (UniqueConstraint("definition_id", "number"),)

    id: Mapped[Id]
    definition_id: Mapped[int] = mapped_column(ForeignKey("task_definition.id", ondelete="CASCADE"))
    number: Mapped[int]
    created_at: Mapped[Moment]


class DefinitionStage(Base):
    """One stage of a version: its container image on FTP, its command, where it is routed."""

    __tablename__ = "definition_stage"
    __table_args__ = (
        UniqueConstraint("version_id", "position"),
        UniqueConstraint("version_id", "stage_id"),
        UniqueConstraint("version_id", "exchange", "routing_key"),
        CheckConstraint("timeout_seconds > 0", name="timeout_seconds"),
        CheckConstraint("routing_key ~ '^[A-Za-z0-9._/-]+$'", name="routing_key"),
        CheckConstraint("exchange ~ '^[A-Za-z0-9._/-]+$'", name="exchange"),
        Index("ix_definition_stage_stage_id", "stage_id"),
        Index("ix_definition_stage_remote_storage_path", "remote_storage_path"),
    )

    id: Mapped[Id]
    version_id: Mapped[int] = mapped_column(ForeignKey("definition_version.id", ondelete="CASCADE"))
    position: Mapped[int]
    stage_id: Mapped[int] = mapped_column(ForeignKey("processing_stage.id"))
    stage_description: Mapped[str] = mapped_column(server_default="")
    container_name: Mapped[str]
    container_description: Mapped[str] = mapped_column(server_default="")
    container_filename: Mapped[str]
    remote_storage_path: Mapped[str]
    image_size: Mapped[int]
    image_sha256: Mapped[str]
    run_command: Mapped[str]
    exchange: Mapped[str]
    routing_key: Mapped[str]
    queue: Mapped[str]
    timeout_seconds: Mapped[int]
    is_trusted: Mapped[bool] = mapped_column(server_default=text("false"))


class Assignment(Base):
    """A definition opened to a course from a start to a due date."""

    __tablename__ = "assignment"
    __table_args__ = (
        CheckConstraint("assignment_end_date > assignment_start_date", name="dates"),
        CheckConstraint("grace_minutes >= 0", name="grace_minutes"),
        CheckConstraint("late_policy IN ('refuse', 'mark')", name="late_policy"),
        CheckConstraint("most_submissions >= 0", name="most_submissions"),
        CheckConstraint("limit_mb >= 0", name="limit_mb"),
        UniqueConstraint("course_id", "assignment_name"),
        Index("ix_assignment_definition_id", "definition_id"),
    )

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id", ondelete="CASCADE"))
    definition_id: Mapped[int] = mapped_column(ForeignKey("task_definition.id"))
    assignment_name: Mapped[str]
    assignment_description: Mapped[str] = mapped_column(server_default="")
    assignment_start_date: Mapped[Moment]
    assignment_end_date: Mapped[Moment]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    creation_timestamp: Mapped[Moment]
    grace_minutes: Mapped[int] = mapped_column(server_default=text("0"))
    late_policy: Mapped[str] = mapped_column(server_default="refuse")
    most_submissions: Mapped[int] = mapped_column(server_default=text("0"))
    """0: as many as one likes."""
    limit_mb: Mapped[int] = mapped_column(server_default=text("0"))
    """0: the platform's own limit."""
    required_names: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")


class AssignmentStatement(Base):
    """The statement of an assignment as a PDF on FTP."""

    __tablename__ = "assignment_statement"

    assignment_id: Mapped[int] = mapped_column(
        ForeignKey("assignment.id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(unique=True)
    file_name: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    stored_at: Mapped[Moment]
    stored_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


class AssignmentExtension(Base):
    """A later due date of one student."""

    __tablename__ = "assignment_extension"
    __table_args__ = (UniqueConstraint("assignment_id", "user_id"),)

    id: Mapped[Id]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    due_at: Mapped[Moment]
    reason: Mapped[str] = mapped_column(server_default="")
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    """None: the platform itself."""
    granted_at: Mapped[Moment]
