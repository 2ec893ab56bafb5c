"""What people want to be told of, what is wrong at the moment, and the notices that wait to go out."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Moment


class AlertRule(Base):
    """One of the things that are watched, for a course or (None) for the whole installation."""

    __tablename__ = "alert_rule"
    __table_args__ = (
        UniqueConstraint("course_id", "kind", postgresql_nulls_not_distinct=True),
        CheckConstraint(
            "kind IN ('waiting', 'failures', 'silence', 'parked', 'no_consumer', 'unreachable', 'writes',"
            " 'disk', 'routing', 'worker', 'crash_loop')",
            name="kind",
        ),
        CheckConstraint("threshold > 0", name="threshold"),
        CheckConstraint("least >= 1", name="least"),
    )

    id: Mapped[Id]
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id", ondelete="CASCADE"))
    kind: Mapped[str]
    is_on: Mapped[bool] = mapped_column(server_default=text("true"))
    threshold: Mapped[float] = mapped_column(Double)
    """In the unit of the kind: minutes, times, reports or percent."""
    least: Mapped[int] = mapped_column(server_default=text("1"))
    """How many tasks must have ended for a failure ratio to be judged."""
    usual_failed: Mapped[int] = mapped_column(server_default=text("0"))
    usual_ended: Mapped[int] = mapped_column(server_default=text("0"))
    usual_at: Mapped[Moment | None]
    """When the usual failures were counted last."""


class AlertIncident(Base):
    """A rule that holds for a subject: brewing until `opened_at`, open until `closed_at`."""

    __tablename__ = "alert_incident"
    __table_args__ = (
        Index(
            "uq_alert_incident_under_way",
            "rule_id",
            "subject",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_alert_incident_rule_id_id", "rule_id", "id"),
        CheckConstraint("closed_at IS NULL OR opened_at IS NOT NULL", name="closed"),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by_id IS NULL)", name="acknowledged"),
    )

    id: Mapped[Id]
    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rule.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(server_default="")
    """Which queue or system, where a rule watches several."""
    held_since: Mapped[Moment]
    opened_at: Mapped[Moment | None]
    calm_since: Mapped[Moment | None]
    """Since when the value is well below the threshold again."""
    closed_at: Mapped[Moment | None]
    value: Mapped[float] = mapped_column(Double)
    worst: Mapped[float] = mapped_column(Double)
    threshold: Mapped[float] = mapped_column(Double)
    """What the value was held against, in the value's unit."""
    acknowledged_at: Mapped[Moment | None]
    acknowledged_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(server_default="")


class AlertTarget(Base):
    """Where notices go: a mailbox, those who look after the rules, or a webhook."""

    __tablename__ = "alert_target"
    __table_args__ = (
        Index("ix_alert_target_course_id", "course_id"),
        CheckConstraint("form IN ('keepers', 'mail', 'json', 'slack', 'teams')", name="form"),
        CheckConstraint("(form IN ('json', 'slack', 'teams')) = (url <> '')", name="url"),
        CheckConstraint("(form = 'mail') = (email <> '')", name="email"),
    )

    id: Mapped[Id]
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id", ondelete="CASCADE"))
    form: Mapped[str]
    name: Mapped[str] = mapped_column(server_default="")
    email: Mapped[str] = mapped_column(server_default="")
    url: Mapped[str] = mapped_column(server_default="")
    """A secret: whoever knows it can write to the channel."""
    created_at: Mapped[Moment]


class OutgoingWebhook(Base):
    """A notice for a webhook, written with what causes it and sent by the worker at least once."""

    __tablename__ = "webhook_outbox"
    __table_args__ = (
        Index(
            "ix_webhook_outbox_waiting",
            "next_try_at",
            postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL"),
        ),
        Index("ix_webhook_outbox_target_id_id", "target_id", "id"),
    )

    id: Mapped[Id]
    target_id: Mapped[int] = mapped_column(ForeignKey("alert_target.id", ondelete="CASCADE"))
    body: Mapped[dict[str, object]] = mapped_column(JSONB)
    created_at: Mapped[Moment]
    next_try_at: Mapped[Moment]
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    sent_at: Mapped[Moment | None]
    given_up_at: Mapped[Moment | None]
