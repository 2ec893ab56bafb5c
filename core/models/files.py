"""Files that wait to be deleted."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Moment


class UnneededFile(Base):
    """A file on FTP that no row needs any more, noted in the transaction that made it so."""

    __tablename__ = "unneeded_file"

    path: Mapped[str] = mapped_column(primary_key=True)
    noted_at: Mapped[Moment]
