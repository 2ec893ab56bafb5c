"""Work in the background on many submissions at once: what was asked for, and what became of each."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class Operation(Base):
    """A re-run of many submissions that somebody asked for. It is over when `ended_at` is set."""

    __tablename__ = "operation"
    __table_args__ = (
        UniqueConstraint("started_by_id", "start_key"),
        CheckConstraint("total > 0", name="total"),
        CheckConstraint("stopped_at IS NULL OR ended_at IS NOT NULL", name="stopped"),
        CheckConstraint(
            "decision IN ('applied', 'discarded') AND is_trial AND ended_at IS NOT NULL OR decision IS NULL",
            name="decision",
        ),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided"),
        Index("ix_operation_open", "id", postgresql_where=text("ended_at IS NULL")),
        Index("ix_operation_started_by_id_id", "started_by_id", "id"),
    )

    id: Mapped[Id]
    started_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    start_key: Mapped[str]
    note: Mapped[str]
    total: Mapped[int]
    created_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
    stopped_at: Mapped[Moment | None]
    stopped_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    is_trial: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its attempts do not count (`Task.current_attempt` stays) until it is applied."""
    decision: Mapped[str | None]
    decided_at: Mapped[Moment | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class OperationItem(Base):
    """One submission of an operation, and what became of it. It outlives the submission."""

    __tablename__ = "operation_item"
    __table_args__ = (
        UniqueConstraint("operation_id", "task_id"),
        CheckConstraint("(outcome IS NULL) = (done_at IS NULL)", name="done"),
        CheckConstraint("(outcome = 'requeued') = (attempt IS NOT NULL)", name="attempt"),
        CheckConstraint(
            "outcome IN ('requeued', 'not_failed', 'too_many', 'gone', 'not_allowed', 'error')",
            name="outcome",
        ),
        Index("ix_operation_item_waiting", "operation_id", "id", postgresql_where=text("outcome IS NULL")),
    )

    id: Mapped[Id]
    operation_id: Mapped[int] = mapped_column(ForeignKey("operation.id", ondelete="CASCADE"))
    task_id: Mapped[int]
    """No foreign key: a submission that was deleted before its turn is an outcome, too."""
    outcome: Mapped[str | None]
    attempt: Mapped[int | None]
    """The number of the attempt that was opened."""
    before_attempt: Mapped[int | None]
    """The number of the attempt that counted until then."""
    done_at: Mapped[Moment | None]
