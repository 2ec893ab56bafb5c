"""One delivery from beginning to end: run its stage, and hand it on, back, or aside."""

from __future__ import annotations

import contextlib
import logging
import random
import secrets
import threading
from dataclasses import dataclass

from core import wire
from core.broker import Consumer, Delivery, Message
from core.config import Settings
from core.errors import BrokerUnavailable
from core.storage import Storage
from runner.callbacks import Callbacks, Stopped
from runner.job import CannotBegin, CannotStore, Job
from runner.namespace import StillRunning
from runner.sandbox import Sandbox

RENEW_SECONDS = 5.0
LONGEST_PAUSE = 60.0
"""Seconds before a delivery that cannot begin is handed out again, at most."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Node:
    """What one worker thread works with."""

    settings: Settings
    storage: Storage
    sandbox: Sandbox
    stopping: threading.Event

    def work(self, consumer: Consumer, delivery: Delivery) -> None:
        """Run the stage that `delivery` asks for.

        Raises:
            BrokerUnavailable: the end could not be told to the queue, which hands it out again.
            StillRunning: a stage could not be ended, so this process must not go on.

        """
        try:
            message = wire.decode(delivery.message.body)
        except wire.Undecodable:
            logger.exception("message %d is put aside", delivery.id)
            consumer.reject(delivery)
            return
        lease = _Lease(consumer, delivery, self.stopping)
        callbacks = Callbacks(self.settings, lease.holds)
        job = Job(
            self.settings, self.storage, self.sandbox, message, callbacks, lease.holds, self.stopping.wait
        )
        try:
            with lease:
                passed = job.run(again=delivery.redelivered)
            consumer.finish(delivery, _follow_up(message) if passed else None)
        except Stopped:
            logger.warning("task %s is given back", message.task_id)
            consumer.give_back(delivery)
        except (CannotBegin, CannotStore) as error:
            pause = pause_before(delivery.count)
            logger.warning(
                "task %s waits for %.0f s: %s: %s", message.task_id, pause, type(error).__name__, error
            )
            consumer.postpone(delivery, pause)
        except (BrokerUnavailable, StillRunning):
            raise  # nobody failed: the delivery comes again once its lease has run out
        except Exception:  # a message that crashes its consumer is put aside, and its task told so
            incident = secrets.token_hex(4)
            logger.exception("incident %s: task %s is put aside", incident, message.task_id)
            with contextlib.suppress(Stopped):
                job.crashed(incident)
            consumer.reject(delivery)
        finally:
            callbacks.close()


def pause_before(count: int) -> float:
    """Seconds until the delivery that was handed out for the `count`-th time is handed out again."""
    return min(2.0 ** min(count, 10), LONGEST_PAUSE) * random.uniform(0.75, 1.0)  # noqa: S311  jitter


def _follow_up(message: wire.TaskMessage) -> Message | None:
    following = message.route.on_success
    if following is None or following.is_leaf:
        return None
    body = wire.encode(message.towards(following))
    return Message(following.exchange, following.routing_key, body)


class _Lease:
    """Renews a delivery in the background; `holds` turns false when it is lost or we stop."""

    def __init__(self, consumer: Consumer, delivery: Delivery, stopping: threading.Event) -> None:
        self._consumer, self._delivery, self._stopping = consumer, delivery, stopping
        self._over, self._lost = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def holds(self) -> bool:
        return not (self._lost.is_set() or self._stopping.is_set())

    def _renew(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            try:
                is_lost = not self._consumer.renew(self._delivery)
            except BrokerUnavailable as error:
                logger.warning("a lease is not renewed yet: %r", error)
                continue  # while nobody reaches the queue, nobody else gets the delivery
            if is_lost:
                self._lost.set()
                return

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
