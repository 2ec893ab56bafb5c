"""How many reports a second the listener applies, beside a consumer that only acknowledges.

    python bench/reports.py                  10,000 tasks of two stages, 14 reports each
    python bench/reports.py --tasks 40000    longer, to see that memory stays flat

Both take the same reports from the same RabbitMQ. Goal: 10,000 reports a second, flat memory.
"""

from __future__ import annotations

import argparse
import itertools
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installation import servers  # beside this file; it finds the project  # isort: skip

import pika
from sqlalchemy import text

from core.broker import Message, RabbitPublisher, ReportIntake
from core.config import Settings
from core.context import Context
from core.listener import start_listener
from core.wake import Waker
from core.wire import DONE_KEY, EXCHANGE, LOG_KEY, REPORT_KEYS, REPORT_QUEUE
from tests import builders
from tests.many_tasks import many_tasks
from tests.node_reports import ACKNOWLEDGED, DOWNLOADED, PASSED, RECEIVED, SENT, UPLOADED, Carried
from tests.rabbitmq import running

WINDOW = 1000


def story(carried: Carried) -> Iterator[tuple[str, bytes]]:
    """What nodes say about one healthy task."""
    for _ in range(2):
        after = carried.towards(success=True)
        yield from ((LOG_KEY, carried.write(said)) for said in (RECEIVED, DOWNLOADED, PASSED))
        yield from ((LOG_KEY, after.write(said)) for said in (UPLOADED, SENT, ACKNOWLEDGED))
        carried = after
    yield DONE_KEY, carried.write()
    yield LOG_KEY, carried.write("Robot parked")


def interleaved(ctx: Context, tasks: int) -> list[Message]:
    """The reports of all tasks as three nodes would send them: each task in order, tasks mixed."""
    named = many_tasks(ctx, builders.world(ctx), tasks, publish=False)
    shuffled = random.Random(1)  # noqa: S311  the same mixture each time
    waiting, mixed = iter([story(carried) for carried in named]), []
    at_work = list(itertools.islice(waiting, 30))
    while at_work:
        place = shuffled.randrange(len(at_work))
        said = next(at_work[place], None)
        if said is not None:
            mixed.append(Message(EXCHANGE, *said))
            continue
        following = next(waiting, None)
        if following is None:
            del at_work[place]
        else:
            at_work[place] = following
    return mixed


def publish(settings: Settings, messages: list[Message]) -> None:
    """Put all of them into the report queue."""
    publisher = RabbitPublisher(settings)
    for start in range(0, len(messages), WINDOW):
        publisher.publish(None, messages[start : start + WINDOW])  # type: ignore[arg-type]  RabbitMQ needs none
    publisher.close()


def acknowledge_only(settings: Settings, count: int) -> None:
    """The reference: the same intake, and nothing done with what comes."""
    intake = ReportIntake(settings, settings.report_prefetch, lambda *_: None)
    while count:
        batch = intake.take(settings.report_batch, 5)
        if batch:
            intake.acknowledge(batch)
            count -= len(batch)
    intake.close()


def listen(ctx: Context, count: int) -> None:
    """The listener as the worker runs it, until everything is applied."""
    waker = Waker(ctx.db)
    waker.start()
    thread = start_listener(ctx, waker)
    query = text("SELECT count(*) FROM applied_report")
    while True:
        with ctx.db.transaction() as session:
            if session.scalar(query) >= count:
                break
        print(f"  resident at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        time.sleep(1)
    waker.stop()
    thread.join()


def declare(url: str) -> None:
    """Exchange, report queue and bindings."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.exchange_declare(EXCHANGE, "direct", durable=True)
    channel.queue_declare(REPORT_QUEUE, durable=True)
    for key in REPORT_KEYS:
        channel.queue_bind(REPORT_QUEUE, EXCHANGE, key)
    connection.close()


@contextmanager
def system(folder: Path) -> Iterator[Context]:
    """Real servers, nothing tuned for speed."""
    with running() as broker, servers(folder, amqp_url=broker.url()) as ctx:
        declare(broker.url())
        yield ctx


def main() -> None:
    """Measure both and say how they compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, system(Path(folder)) as ctx:
        messages = interleaved(ctx, arguments.tasks)
        count = len(messages)
        rates = {}
        for name, work in (
            ("acknowledged only", lambda: acknowledge_only(ctx.settings, count)),
            ("applied", lambda: listen(ctx, count)),
        ):
            publish(ctx.settings, messages)
            start = time.perf_counter()
            work()
            rates[name] = count / (time.perf_counter() - start)
            print(f"{name}: {rates[name]:,.0f} reports/s")
        with ctx.db.transaction() as session:
            finished = session.scalar(text("SELECT count(*) FROM task WHERE status_id = 3"))
        ratio = rates["applied"] / rates["acknowledged only"]
        print(f"{count:,} reports, {finished:,} of {arguments.tasks:,} tasks complete, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
