"""What people did and why, and what they say of a cause of failures."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class AuditEntry(Base):
    """Somebody did something. The trigger `audit_entry_append_only` refuses any change to it.

    Course and task are numbers without a foreign key: an entry outlives what it is about.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_course_id_id", "course_id", "id"),
        Index("ix_audit_entry_task_id_id", "task_id", "id"),
        Index("ix_audit_entry_actor_id_id", "actor_id", "id"),
    )

    id: Mapped[Id]
    at: Mapped[Moment]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    """None: the platform itself."""
    action: Mapped[str]
    course_id: Mapped[int | None]
    task_id: Mapped[int | None]
    subject: Mapped[str]
    """What it was done to, as it was called then."""
    note: Mapped[str] = mapped_column(server_default="")
    before: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    after: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))


class FailureTriage(Base):
    """What the people of a course say of one cause of failures; without a row it is open."""

    __tablename__ = "failure_triage"
    __table_args__ = (CheckConstraint("state IN ('open', 'acknowledged', 'handled')", name="state"),)

    course_id: Mapped[int] = mapped_column(ForeignKey("course.id", ondelete="CASCADE"), primary_key=True)
    failure_key: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str]
    changed_at: Mapped[Moment]
    """Failures that came later than this are open again where the cause was handled."""
