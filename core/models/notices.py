"""What people are told of."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class ResultNotice(Base):
    """An attempt has come to its result; one for each, and none while it is run again."""

    __tablename__ = "result_notice"
    __table_args__ = (
        CheckConstraint("status_id IN (3, 4)", name="status"),
        Index("ix_result_notice_unread", "user_id", "id", postgresql_where=text("read_at IS NULL")),
        Index("ix_result_notice_task_id", "task_id"),
    )

    id: Mapped[Id]
    attempt_id: Mapped[int] = mapped_column(ForeignKey("task_attempt.id", ondelete="CASCADE"), unique=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    status_id: Mapped[int] = mapped_column(SmallInteger, ForeignKey("processing_status.id"))
    at: Mapped[Moment]
    shown_from: Mapped[Moment]
    """Later than `at` where the platform may still run the attempt again by itself."""
    read_at: Mapped[Moment | None]
