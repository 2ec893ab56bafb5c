"""Counts of days that are over; they can be made again from the rows (docs/decisions/0018-tallies.md)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class TallyDay(Base):
    """A day (UTC) that has been counted. It holds as long as no `TallyMark` names the day."""

    __tablename__ = "tally_day"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    made_at: Mapped[Moment]


class TallyMark(Base):
    """Something of a counted day has changed since. Written by triggers, taken away by counting again."""

    __tablename__ = "tally_mark"
    __table_args__ = (Index("ix_tally_mark_day", "day"),)

    id: Mapped[Id]
    day: Mapped[date] = mapped_column(Date)


class Tally(Base):
    """So many things of one kind within the hour or day that begins at `at`.

    `course_id` 0 stands for the whole platform, `definition_id` 0 for all, `stage_id` 0 for none.
    """

    __tablename__ = "tally"
    __table_args__ = (Index("ix_tally_at", "at"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[Moment] = mapped_column(primary_key=True)
    definition_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stage_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    detail: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
