"""How fast accepted submissions reach RabbitMQ, beside pika alone on the same broker.

    python bench/relay.py             5,000 messages, 300 single ones
    python bench/relay.py --messages 20000

First the reference: pika, each message confirmed on its own, nothing else. Then the relay as it is,
with choosing, marking and notifying in Postgres. Then, with its loops running, the time from the
commit of one submission to its arrival at a consumer. Goals: 1,000 messages a second, 20 ms at p50.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from installation import servers  # beside this file; it finds the project  # isort: skip

import pika
from pika.adapters.blocking_connection import BlockingChannel
from sqlalchemy import text

from core import relay, wire
from core.broker import RabbitPublisher
from core.context import Context
from core.db import notify
from core.services.attempts import OUTBOX_TOPIC
from core.topology import declared, ensure_topology
from core.wake import Waker
from tests import builders
from tests.rabbitmq import running

KEY = "g-code-parsing"
COPIES = """
WITH source AS (SELECT * FROM task ORDER BY id LIMIT 1),
made AS (
    INSERT INTO task (assignment_id, created_by_id, creation_timestamp, submit_key, reference,
                      original_path, original_name, original_size, original_sha256, stored_at)
    SELECT assignment_id, created_by_id, now(), 'bench-' || n, 'bench-' || n, original_path || n,
           original_name, original_size, original_sha256, stored_at
    FROM source, generate_series(:first, :last) AS n RETURNING id
), metrics AS (INSERT INTO task_metrics (task_id) SELECT id FROM made),
attempts AS (
    INSERT INTO task_attempt (task_id, number, version_id, file_path, created_at, copied_at)
    SELECT made.id, 1, (SELECT min(id) FROM definition_version), '/bench/' || made.id || '.zip', now(), now()
    FROM made RETURNING id
)
INSERT INTO outbox (attempt_id, exchange, routing_key, body, created_at)
SELECT attempts.id, o.exchange, o.routing_key, o.body, now()
FROM attempts, (SELECT * FROM outbox ORDER BY id LIMIT 1) AS o
"""
"""More submissions like the first one, whose copies are there."""

_numbers = itertools.count(1)


@contextlib.contextmanager
def laboratory() -> Iterator[tuple[Context, str]]:
    """A context on real servers with one submission, and the address of its broker."""
    with (
        tempfile.TemporaryDirectory() as name,
        running() as broker,
        servers(Path(name), amqp_url=broker.url(), max_under_way_per_student=0) as ctx,
    ):
        builders.submit(ctx, builders.world(ctx))
        ensure_topology(ctx, declared(ctx))
        builders.carry(ctx)
        yield ctx, broker.url()


def add(ctx: Context, count: int) -> None:
    """`count` more submissions that wait for the relay."""
    first = next(_numbers)
    last = first + count - 1
    for _ in range(count - 1):
        next(_numbers)
    with ctx.db.transaction() as session:
        session.execute(text(COPIES), {"first": first, "last": last})
        notify(session, OUTBOX_TOPIC)


def opened(url: str) -> BlockingChannel:
    """A channel of its own."""
    return pika.BlockingConnection(pika.URLParameters(url)).channel()


def reference(url: str, body: bytes, count: int) -> float:
    """Messages a second when each is confirmed on its own."""
    channel = opened(url)
    channel.confirm_delivery()
    properties = pika.BasicProperties(delivery_mode=2)
    start = time.perf_counter()
    for _ in range(count):
        channel.basic_publish(wire.EXCHANGE, KEY, body, properties, mandatory=True)
    rate = count / (time.perf_counter() - start)
    channel.connection.close()
    return rate


def drained(ctx: Context, count: int) -> float:
    """Messages a second that the relay brings from the outbox to the broker."""
    publisher = RabbitPublisher(ctx.settings)
    add(ctx, 1)
    relay.publish_batch(ctx, publisher)  # the connection is there
    add(ctx, count)
    start = time.perf_counter()
    sent = 0
    while batch := relay.publish_batch(ctx, publisher):
        sent += batch
    rate = sent / (time.perf_counter() - start)
    publisher.close()
    return rate


def latencies(ctx: Context, url: str, count: int) -> list[float]:
    """Seconds from the commit of one submission to a consumer that waits for it."""
    arrived: queue.SimpleQueue[float] = queue.SimpleQueue()
    channel = opened(url)
    channel.queue_purge(KEY)
    channel.basic_consume(KEY, lambda *_: arrived.put(time.perf_counter()), auto_ack=True)
    consumer = threading.Thread(target=channel.start_consuming)
    consumer.start()
    waker, publisher = Waker(ctx.db), RabbitPublisher(ctx.settings)
    waker.start()
    threads = relay.start_threads(ctx, publisher, waker)
    spans = []
    for _ in range(count):
        add(ctx, 1)
        committed = time.perf_counter()
        spans.append(arrived.get(timeout=30) - committed)
    waker.stop()
    for thread in threads:
        thread.join()
    publisher.close()
    channel.connection.add_callback_threadsafe(channel.stop_consuming)
    consumer.join()
    channel.connection.close()
    return spans


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--single", type=int, default=300)
    chosen = parser.parse_args()
    with laboratory() as (ctx, url):
        with ctx.db.transaction() as session:
            body = bytes(session.scalar(text("SELECT body FROM outbox ORDER BY id LIMIT 1")))
        single = reference(url, body, 1_000)
        rate = drained(ctx, chosen.messages)
        spans = sorted(latencies(ctx, url, chosen.single))
    print(f"pika, each confirmed on its own   {single:8.0f} messages/s ({len(body)} bytes each)")
    print(f"relay, {chosen.messages:6} in the outbox       {rate:8.0f} messages/s, {rate / single:.1f} times")
    p50, p95 = statistics.median(spans), spans[int(len(spans) * 0.95)]
    print(f"commit to consumer, one by one    {p50 * 1000:8.1f} ms at p50, {p95 * 1000:.1f} ms at p95")


if __name__ == "__main__":
    main()
