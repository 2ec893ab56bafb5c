"""The narrow interface between us and a queue; one implementation for each kind of queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Message:
    """Something to publish: where to, and what."""

    exchange: str
    routing_key: str
    body: bytes


def no_queue(message: Message) -> str:
    """What is in the way of a message that no queue takes."""
    return f"no queue is bound to {message.exchange}/{message.routing_key}"


def not_taken(message: Message) -> str:
    """What is in the way of a message that a queue refuses, most often because it is full."""
    return f"the queue of {message.exchange}/{message.routing_key} takes no more"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message in somebody's hands, handed out for the `count`-th time."""

    id: int
    message: Message
    count: int = 1

    @property
    def redelivered(self) -> bool:
        """Whether somebody else had it before."""
        return self.count > 1


class Publisher(Protocol):
    """Takes messages out of our hands."""

    def publish(self, session: Session, messages: Sequence[Message]) -> list[str | None]:
        """Hand `messages` over, in order.

        `session` is the transaction that records the outcome: a queue in Postgres writes in it, so
        that a message goes out exactly once.

        Returns for each what is in the way (see `no_queue`, `not_taken`), or None once the broker
        has taken responsibility for it.

        Raises:
            BrokerUnavailable: none of them may be counted on; some may have gone out.

        """

    def close(self) -> None:
        """Let go of what it holds open."""


class Consumer(Protocol):
    """One taker of messages; one per thread."""

    def receive(self, timeout_seconds: float) -> Delivery | None:
        """The next message, waiting up to `timeout_seconds`; None when there was none.

        Raises:
            BrokerUnavailable: the queue does not answer.

        """

    def renew(self, delivery: Delivery) -> bool:
        """Keep the lease; False when it was lost and the work must stop. Any thread may call."""

    def finish(self, delivery: Delivery, follow_up: Message | None = None) -> None:
        """Acknowledge, and publish `follow_up` in the same step."""

    def reject(self, delivery: Delivery) -> None:
        """Put the message aside for good: it crashed its consumer."""

    def give_back(self, delivery: Delivery) -> None:
        """Let somebody else have it at once."""

    def postpone(self, delivery: Delivery, seconds: float) -> None:
        """Hand it out again after a pause, and let others go first meanwhile."""
