"""Who takes from the embedded queue is counted among Postgres' own connections: the dead are missing."""

from __future__ import annotations

from core.broker import open_consumer
from core.context import Context
from core.services import monitoring
from core.services.monitoring import QueueState
from tests.builders import carry, submit, wait_until, world


def test_idle_consumers_are_counted_and_those_that_end_are_missing_at_once(ctx: Context) -> None:
    monitor = world(ctx).monitor

    with open_consumer(ctx.settings, "one"), open_consumer(ctx.settings, "two"):
        assert monitoring.read_consumers(ctx, monitor) == [QueueState("ulos", 0, 2, is_stalled=False)]

    wait_until(lambda: monitoring.read_consumers(ctx, monitor)[0].consumers == 0)


def test_a_queue_is_stalled_when_messages_wait_and_nobody_takes_them(ctx: Context) -> None:
    here = world(ctx)
    submit(ctx, here)
    carry(ctx)

    assert monitoring.read_consumers(ctx, here.monitor) == [QueueState("ulos", 1, 0, is_stalled=True)]
    with open_consumer(ctx.settings, "one"):
        assert monitoring.read_consumers(ctx, here.monitor) == [QueueState("ulos", 1, 1, is_stalled=False)]
