"""Many tasks through three nodes that die, while everything else breaks too."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from core import relay, topology
from core.broker import ReportIntake, open_publisher
from core.context import ORCHESTRATOR, Context
from core.embedded.parent import end_with_parent
from core.errors import BrokerUnavailable
from core.listener import start_listener
from core.models import ParkedReport, Task, TaskMetrics
from core.services import reports
from core.vocabulary import StageStatus
from core.wake import Waker
from core.wire import REPORT_QUEUE
from core.wire.reports import read_report
from tests import builders
from tests.many_tasks import many_tasks
from tests.node_reports import Carried
from tests.rabbitmq import RabbitMq
from tests.standin_node import Fate, Plan, fate_of, logged_in
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
PENDING, RUNNING, COMPLETED, FAILED = StageStatus

THOUSAND = pytest.param((1000, 0.01), id="a thousand", marks=[pytest.mark.stress, pytest.mark.timeout(600)])
FEW = pytest.param((150, 0.04), id="a few", marks=pytest.mark.timeout(300))


@dataclass
class Ledger:
    """What all nodes wrote down."""

    took: Counter[tuple[str, str]]
    unsure: Counter[str]
    corrupted: int
    corrupts: int

    @classmethod
    def read(cls, paths: list[Path]) -> Ledger:
        lines = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
        count = {
            what: Counter((line["task"], line["key"]) for line in lines if line["what"] == what)
            for what in ("takes", "took", "corrupts", "corrupted")
        }
        unsure: Counter[str] = Counter()
        for (task, _), number in (count["takes"] - count["took"]).items():
            unsure[task] += number
        return cls(count["took"], unsure, count["corrupted"].total(), count["corrupts"].total())

    def second_deliveries(self) -> Counter[str]:
        seconds: Counter[str] = Counter()
        for (task, _), number in self.took.items():
            seconds[task] += number - 1
        return seconds


@contextlib.contextmanager
def nodes(plans: list[Plan]) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.standin_node", json.dumps(asdict(plan))],
            cwd=ROOT,
            preexec_fn=partial(end_with_parent, signal.SIGKILL),  # noqa: PLW1509  one system call, no locks
        )
        for plan in plans
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def loops(ctx: Context) -> Iterator[None]:
    """Relay and topology as the worker runs them."""
    waker = Waker(ctx.db)
    waker.start()
    publisher = open_publisher(ctx.settings)
    threads = [*relay.start_threads(ctx, publisher, waker), topology.start_thread(ctx, waker)]
    try:
        yield
    finally:
        waker.stop()
        for thread in threads:
            thread.join()
        publisher.close()


@contextlib.contextmanager
def listening(ctx: Context) -> Iterator[threading.Thread]:
    waker = Waker(ctx.db)
    waker.start()
    thread = start_listener(ctx, waker)
    try:
        yield thread
    finally:
        waker.stop()
        thread.join()


def cut_off_before_acknowledging(ctx: Context) -> int:
    """A listener that applies what it is handed and is gone before it can acknowledge."""
    with contextlib.suppress(BrokerUnavailable):
        intake = ReportIntake(
            ctx.settings, 300, lambda body, key, again: read_report(body, key, redelivered=again)
        )
        time.sleep(0.2)
        batch = [entry.content for entry in intake.take(300, 5)]
        reports.apply_reports(ctx, ORCHESTRATOR, batch, held=True)
        intake.close()
        return len(batch)
    return 0


def put_files(ctx: Context, ftp_url: str, tasks: list[Carried]) -> None:
    content = builders.archive()
    with logged_in(ftp_url) as ftp:
        for carried in tasks:
            content.seek(0)
            ftp.storbinary(f"STOR {carried.file_path}", content)


def messages(rabbitmq: RabbitMq, amqp_url: str, *queues: str) -> int:
    """How many there are in these queues, those in somebody's hands included."""
    vhost = amqp_url.rsplit("/", 1)[1]
    names = ", ".join(f'<<"{queue}">>' for queue in queues)
    return int(
        rabbitmq.evaluate(
            f'lists:sum([proplists:get_value(messages, Q) || Q <- rabbit_amqqueue:info_all(<<"{vhost}">>, '
            f"[name, messages]), lists:member(element(4, proplists:get_value(name, Q)), [{names}])])"
        )
    )


def unfinished(ctx: Context) -> int:
    final = [StageStatus.COMPLETED, StageStatus.FAILED]
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count(Task.id)).where(Task.status_id.not_in(final))) or 0


def outcomes(ctx: Context) -> dict[str, tuple[StageStatus, ...]]:
    with ctx.db.transaction() as session:
        rows = session.execute(
            text("SELECT task_id, array_agg(status_id ORDER BY position) FROM task_stage_status GROUP BY 1")
        )
        return {str(task): tuple(StageStatus(status) for status in statuses) for task, statuses in rows}


def due(fate: Fate) -> tuple[StageStatus, ...]:
    return {None: (COMPLETED, COMPLETED), 0: (FAILED, PENDING), 1: (COMPLETED, FAILED)}[fate.stage]


@pytest.mark.parametrize("size", [THOUSAND, FEW])
def test_tasks_end_right_while_nodes_die_reports_shuffle_and_the_broker_restarts(
    ctx: Context, rabbitmq: RabbitMq, amqp_url: str, tmp_path: Path, size: tuple[int, float]
) -> None:
    count, corrupts = size
    ctx = builders.with_settings(
        ctx,
        ctx.settings.model_copy(update={"amqp_url": SecretStr(amqp_url), "max_under_way_per_student": 0}),
    )
    world = builders.world(ctx)
    ftp_url = ctx.settings.ftp_url.get_secret_value()
    tasks = many_tasks(ctx, world, count, publish=True)
    put_files(ctx, ftp_url, tasks)
    chaos: dict[str, Any] = {
        "dies": 0.05,
        "shuffles": 0.5,
        "delays": 0.1,
        "drops": 0.05,
        "corrupts": corrupts,
    }
    plans = [
        Plan(name, queue, amqp_url, ftp_url, str(tmp_path / f"{name}.jsonl"), seed, **chaos)
        for seed, (name, queue) in enumerate(
            [("a", "g-code-parsing"), ("b", "g-code-execution"), ("c", "g-code-execution")], 1
        )
    ]
    topology.ensure_topology(ctx, topology.expected(ctx))
    twice = 0

    with loops(ctx), nodes(plans) as at_work:
        restarted = False
        while remaining := unfinished(ctx):
            with listening(ctx):
                time.sleep(1)
            twice += cut_off_before_acknowledging(ctx)
            if remaining < count / 2 and not restarted:
                rabbitmq.restart()
                restarted = True
        with listening(ctx):
            # A task may have ended while a node is still at work on a second delivery of it.
            eventually(lambda: messages(rabbitmq, amqp_url, plans[0].queue, plans[1].queue) == 0)
            for process in at_work:
                process.terminate()
                assert process.wait(60) == 0
            eventually(lambda: messages(rabbitmq, amqp_url, REPORT_QUEUE) == 0)

    ledger = Ledger.read([Path(plan.ledger) for plan in plans])
    assert restarted
    assert twice > 0
    assert outcomes(ctx) == {
        str(carried.fields["taskId"]): due(fate_of(int(carried.fields["taskId"]))) for carried in tasks
    }
    check_requeues(ctx, ledger)
    with ctx.db.transaction() as session:
        parked = session.scalar(select(func.count(ParkedReport.id)))
    # A node that loses the broker meanwhile cannot know whether what it corrupted was taken.
    assert 0 < ledger.corrupted <= (parked or 0) <= ledger.corrupts
    there = {file.path for file in ctx.storage.list_files(ctx.storage.path("attempts"))}
    assert {carried.file_path for carried in tasks} <= there
    # While one delivery of a task is at work on it, a second one may store its files over the first one's.
    seconds = ledger.second_deliveries() + ledger.unsure
    for carried in [one for one in tasks if not seconds[str(one.fields["taskId"])]][::10]:
        assert outputs(ftp_url, carried) == outputs_due(fate_of(int(carried.fields["taskId"])))


def outputs(ftp_url: str, carried: Carried) -> list[str]:
    """The outputs that nodes have added to a task's archive."""
    content = io.BytesIO()
    with logged_in(ftp_url) as ftp:
        ftp.retrbinary(f"RETR {carried.file_path}", content.write)
    with zipfile.ZipFile(content) as archive:
        return sorted(name.rsplit("_", 1)[1] for name in archive.namelist() if name.startswith("output_"))


def outputs_due(fate: Fate) -> list[str]:
    """A stage that crashed has stored nothing."""
    stages = 2 if fate.stage is None else fate.stage + ("fails in" in fate)
    return sorted(["g-code-parsing.txt", "g-code-execution.txt"][:stages])


def history(ctx: Context, task_ids: list[str]) -> str:
    """All that is known of these tasks: log, requeues, stages with their deliveries."""
    lines = []
    with ctx.db.transaction() as session:
        for columns, order in (
            ("task_id, run, stage_id, log_message FROM task_log", "task_id, id"),
            ("task_id, cause, stage_id, run FROM requeue_event", "task_id, id"),
            ("task_id, position, status_id, run, deliveries FROM task_stage_status", "task_id, position"),
        ):
            query = f"SELECT {columns} WHERE task_id = ANY(:ids) ORDER BY {order}"
            rows = session.execute(text(query), {"ids": [int(number) for number in task_ids]})
            lines += [" ".join(str(value) for value in row) for row in rows]
    return "\n".join(lines)


def check_requeues(ctx: Context, ledger: Ledger) -> None:
    with ctx.db.transaction() as session:
        counted = {
            str(task): number
            for task, number in session.execute(select(TaskMetrics.task_id, TaskMetrics.requeue_count))
        }
    seconds = ledger.second_deliveries()
    assert seconds.total() > 0
    wrong = {
        task: (number, seconds[task], ledger.unsure[task])
        for task, number in counted.items()
        if not seconds[task] <= number <= seconds[task] + ledger.unsure[task]
    }
    assert wrong == {}, history(ctx, list(wrong)[:3])
    assert ledger.unsure.total() <= len("abc") * 2, "hardly any delivery is in doubt"
