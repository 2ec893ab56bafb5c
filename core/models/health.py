"""What was last wrong with the systems that we depend on, and when the loops last worked."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Double
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Moment


class ComponentError(Base):
    """The latest error of a component. `texts`: language → sentence, as it was said then."""

    __tablename__ = "component_error"
    __table_args__ = (CheckConstraint("component IN ('database', 'files', 'broker')", name="component"),)

    component: Mapped[str] = mapped_column(primary_key=True)
    texts: Mapped[dict[str, str]] = mapped_column(JSONB)
    at: Mapped[Moment]


class Heartbeat(Base):
    """When a loop of a process last worked. It is silent when `within_seconds` have passed since."""

    __tablename__ = "heartbeat"

    process: Mapped[str] = mapped_column(primary_key=True)
    loop: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[Moment]
    within_seconds: Mapped[float] = mapped_column(Double)
