"""Filters of a screen that somebody has kept under a name."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class SavedView(Base):
    """A view of the monitor's screen in one course: its owner's alone, or of all who teach there."""

    __tablename__ = "saved_view"
    __table_args__ = (
        UniqueConstraint("course_id", "owner_id", "name"),
        CheckConstraint("name <> ''", name="name"),
        Index("ix_saved_view_owner_id", "owner_id"),
    )

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id", ondelete="CASCADE"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    filters: Mapped[dict[str, str]] = mapped_column(JSONB)
    """The query of the screen's address."""
    is_shared: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[Moment]
