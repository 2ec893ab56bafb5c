"""What is kept of the orchestrator's reports beside their effect."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text, true
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class AppliedReport(Base):
    """The digest of a report that was dealt with, so that it is known when it is delivered again.

    `is_acknowledged`: the broker was told. Before that the same body can only be the same report.
    """

    __tablename__ = "applied_report"
    __table_args__ = (
        Index("ix_applied_report_applied_at", "applied_at"),
        {"postgresql_with": {"fillfactor": 50}},  # each row is updated once, next to itself then
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    applied_at: Mapped[Moment]
    is_acknowledged: Mapped[bool] = mapped_column(server_default=true())


class ParkedReport(Base):
    """A report that could not be applied, with its reason, until somebody applies or discards it."""

    __tablename__ = "parked_report"
    __table_args__ = (
        CheckConstraint("applied_at IS NULL OR discarded_at IS NULL", name="handled_once"),
        Index(
            "ix_parked_report_waiting",
            "id",
            postgresql_where=text("applied_at IS NULL AND discarded_at IS NULL"),
        ),
        Index("ix_parked_report_task_id", "task_id"),
    )

    id: Mapped[Id]
    received_at: Mapped[Moment]
    routing_key: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """The beginning of the body; `body_size` says how long it was."""
    body_size: Mapped[int]
    reason: Mapped[str]
    task_id: Mapped[int | None]
    """The task that it names, known here or not."""
    file_path: Mapped[str]
    applied_at: Mapped[Moment | None]
    discarded_at: Mapped[Moment | None]
    handled_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
