"""Counts of days that are over; they can be made again from the rows (docs/decisions/0018-tallies.md)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ARRAY, BIGINT, Date, DateTime, Index
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


class FailureWeek(Base):
    """A week (its Monday, UTC) whose failures were counted. It holds until a `FailureWeekMark` names it."""

    __tablename__ = "failure_week"

    week: Mapped[date] = mapped_column(Date, primary_key=True)
    made_at: Mapped[Moment]


class FailureWeekMark(Base):
    """Something that the failures of a counted week depend on has changed since. Written by triggers."""

    __tablename__ = "failure_week_mark"
    __table_args__ = (Index("ix_failure_week_mark_week", "week"),)

    id: Mapped[Id]
    week: Mapped[date] = mapped_column(Date)


class FailureTally(Base):
    """One cause of failures of the tasks that were handed in within a week, over the whole platform."""

    __tablename__ = "failure_tally"

    week: Mapped[date] = mapped_column(Date, primary_key=True)
    failure_key: Mapped[str] = mapped_column(primary_key=True)
    sample: Mapped[int]
    """The first of the stages that failed of it; its reason is the message."""
    failures: Mapped[int]
    first_seen: Mapped[Moment]
    last_seen: Mapped[Moment]
    students: Mapped[int]
    """Those who have no later failure of this cause, so that the weeks add up."""
    stages: Mapped[list[int]] = mapped_column(ARRAY(BIGINT))
    versions: Mapped[list[int]] = mapped_column(ARRAY(BIGINT))
    """Of definitions, and so of their containers."""
    unsettled: Mapped[int]
    acknowledged: Mapped[int]
    owner: Mapped[str | None]
    note: Mapped[str | None]
    ended: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
    """The moment of each, in order of time: any part of a trend can be counted from them."""
