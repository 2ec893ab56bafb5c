"""Where FTP and the rows disagree: files to be deleted, and files that are gone."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Moment


class UnneededFile(Base):
    """A file on FTP that no row needs any more, noted in the transaction that made it so."""

    __tablename__ = "unneeded_file"

    path: Mapped[str] = mapped_column(primary_key=True)
    noted_at: Mapped[Moment]


class MissingFile(Base):
    """A file that a row names and that was not on FTP when the sweep looked.

    `kind` is a `FileKind`. `subject` is what people call its owner: a reference or a name. `course_id`
    is empty for what belongs to no course: images, and the files of dry runs.
    """

    __tablename__ = "missing_file"
    __table_args__ = (
        CheckConstraint("kind IN ('original', 'attempt', 'image', 'statement')", name="kind"),
        Index("ix_missing_file_course_id", "course_id"),
        Index("ix_missing_file_task_id", "task_id"),
    )

    path: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id", ondelete="CASCADE"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    found_at: Mapped[Moment]
