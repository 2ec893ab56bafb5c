"""What waits to go out, and the queue of the embedded default."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.logs import find_request_id
from core.models.base import Base, Id, Moment


class OutboxMessage(Base):
    """A message recorded in the transaction that caused it, until the broker has confirmed it."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
        Index("ix_outbox_attempt_id", "attempt_id"),
    )

    id: Mapped[Id]
    attempt_id: Mapped[int] = mapped_column(ForeignKey("task_attempt.id", ondelete="CASCADE"))
    exchange: Mapped[str]
    routing_key: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Moment]
    published_at: Mapped[Moment | None]
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    next_try_at: Mapped[Moment | None]
    last_error: Mapped[str | None]
    request_id: Mapped[str | None] = mapped_column(default=find_request_id)
    """The request that caused it, for the log of the process that publishes it."""


class QueueMessage(Base):
    """A message of the embedded queue. A consumer holds it by a lease that it must renew."""

    __tablename__ = "queue_message"
    __table_args__ = (Index("ix_queue_message_free", "id", postgresql_where=text("rejected_at IS NULL")),)

    id: Mapped[Id]
    exchange: Mapped[str]
    routing_key: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    enqueued_at: Mapped[Moment]
    deliveries: Mapped[int] = mapped_column(server_default=text("0"))
    leased_by: Mapped[str | None]
    leased_until: Mapped[Moment | None]
    rejected_at: Mapped[Moment | None]


class IdempotencyRecord(Base):
    """The answer that was given under an `Idempotency-Key`, replayed for 24 hours.

    Written in the transaction of its effect, so `answer` is empty only while that runs.
    """

    __tablename__ = "idempotency_record"
    __table_args__ = (Index("ix_idempotency_record_created_at", "created_at"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    answer: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    created_at: Mapped[Moment]


class QueueBinding(Base):
    """A queue that gets the tasks of a routing key: the one that serves it now, or one that did before.

    `left_at` is empty while it serves. Afterwards it is unbound, and the tasks that lie in it are moved
    to the queue that serves the key now.
    """

    __tablename__ = "queue_binding"
    __table_args__ = (
        Index(
            "uq_queue_binding_serving",
            "exchange",
            "routing_key",
            unique=True,
            postgresql_where=text("left_at IS NULL"),
        ),
    )

    exchange: Mapped[str] = mapped_column(primary_key=True)
    routing_key: Mapped[str] = mapped_column(primary_key=True)
    queue: Mapped[str] = mapped_column(primary_key=True)
    left_at: Mapped[Moment | None]
    unbound_at: Mapped[Moment | None]
