"""What was last wrong with the systems that we depend on."""

from __future__ import annotations

from sqlalchemy import CheckConstraint
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
