"""Submissions run through the real queue, files, sandbox and HTTP callbacks of a node."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from core.broker.postgres import PostgresConsumer
from core.context import PLATFORM
from core.demo import samples
from core.errors import BrokerUnavailable
from core.services import results, submissions
from core.vocabulary import StageStatus
from runner.sandbox import Outcome, Sandbox
from tests.amqp import bodies
from tests.laboratory import Laboratory, Run, statuses
from tests.unprivileged import as_runner


@pytest.mark.parametrize(
    ("definition", "content"),
    [
        ("G-code", samples.gcode_good()),
        ("Cypress", samples.cypress_good()),
        ("Python tests", samples.pytest_good()),
    ],
)
def test_good_work_passes_every_stage_and_leaves_its_output(
    laboratory: Laboratory, definition: str, content: bytes
) -> None:
    task = laboratory.run(definition, content)

    assert statuses(task) == ["COMPLETED", "COMPLETED"], [line.message for line in task.logs]
    read = results.read_results(laboratory.ctx, PLATFORM, task.summary.id)
    assert all(output.text for output in read.outputs)
    assert any("results/" in file.name for file in read.files)


def test_the_same_node_works_over_rabbitmq(laboratory: Laboratory, amqp_url: str) -> None:
    settings = laboratory.ctx.settings.model_copy(update={"amqp_url": SecretStr(amqp_url)})
    distributed = replace(laboratory, ctx=replace(laboratory.ctx, settings=settings))

    task = distributed.run("G-code", samples.gcode_good())

    assert statuses(task) == ["COMPLETED", "COMPLETED"], [line.message for line in task.logs]
    assert task.requeue_count == 0
    assert bodies(amqp_url, "pass") == bodies(amqp_url, "gcode-execution") == []


@pytest.mark.parametrize(
    ("definition", "content", "reason"),
    [
        ("G-code", samples.gcode_outside(), "line 5: X900 is outside"),
        ("G-code", samples.gcode_unknown(), "line 3: “HELLO” is not G-code"),
        ("Cypress", samples.cypress_unreadable(), "line 2: “{” opens an object here"),
        ("Cypress", samples.cypress_failing(), "line 3: expect(true).to.equal(false) can never hold"),
        ("Python tests", samples.pytest_failing(), "test_sum: assert 1 + 1 == 3"),
    ],
)
def test_bad_work_fails_with_a_reason_that_says_where(
    laboratory: Laboratory, definition: str, content: bytes, reason: str
) -> None:
    task = laboratory.run(definition, content)

    failed = next(stage for stage in task.current.stages if stage.status is StageStatus.FAILED)
    assert failed.reason is not None
    assert reason in failed.reason


MANY_BIG_PROCESSES = """\
import os, time
for _ in range(5):
    if os.fork() == 0:
        kept = bytearray(os.urandom(1)) * 600_000_000
        time.sleep(60)
time.sleep(60)"""


@pytest.mark.parametrize(
    ("code", "evidence"),
    [
        ("import socket\nsocket.create_connection(('127.0.0.1', 1), 1)", "Network is unreachable|refused"),
        ("open('/etc/shadow').read()", "No such file or directory: '/etc/shadow'"),
        ("open('/usr/written', 'w')", "Read-only file system: '/usr/written'"),
        ("len(bytearray(3_000_000_000))", "MemoryError"),
        ("open('big', 'wb').write(bytes(400_000_000))", "File too large"),
        ("open('/tmp/big', 'wb').write(bytes(150_000_000))", "No space left on device"),
        (
            "import os, time\nfor _ in range(500):\n    if os.fork() == 0: time.sleep(5) or os._exit(0)",
            "Resource temporarily unavailable",
        ),
        ("import time\ntime.sleep(60)", "stopped after 2 s"),
        (MANY_BIG_PROCESSES, "more memory than allowed"),
        ("import os\nos.mkdir('n')\nfor n in range(30_000): open(f'n/{n}', 'w').close()", "more files than"),
    ],
    ids=[
        "network",
        "secrets",
        "system",
        "memory",
        "file-size",
        "scratch",
        "processes",
        "time",
        "all-memory",
        "files",
    ],
)
def test_what_a_submission_may_not_do_is_stopped_by_the_limit_that_forbids_it(
    laboratory: Laboratory, code: str, evidence: str
) -> None:
    if laboratory.sandbox.bwrap is None:
        pytest.skip("no bubblewrap on this machine")

    timeout = 2 if "after 2 s" in evidence else 60
    task = laboratory.run("Python tests", samples.pytest_running(code), timeout=timeout)

    assert statuses(task) == ["COMPLETED", "FAILED"]
    printed = results.read_results(laboratory.ctx, PLATFORM, task.summary.id).outputs[1].text or ""
    assert re.search(evidence, f"{task.current.stages[1].reason}\n{printed}"), printed


def test_the_processes_of_one_submission_do_not_take_those_of_another(run: Run) -> None:
    crowded, over = threading.Event(), threading.Event()
    crowd = "i=0; while [ $i -lt 55 ]; do sleep 60 & i=$((i+1)); done; echo crowded; sleep 60"

    def both() -> Outcome:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(run, crowd, say=lambda _: crowded.set(), keep_going=lambda: not over.is_set())
            assert crowded.wait(60)
            other = run("i=0; while [ $i -lt 20 ]; do sleep 1 & i=$((i+1)); done; wait; echo fine")
            over.set()
        return other

    other = as_runner(both)

    assert (other.end, other.output) == (0, "fine\n")


def test_what_a_stage_prints_is_heard_while_it_runs(run: Run) -> None:
    def listen() -> tuple[Outcome, list[str]]:
        heard: list[str] = []
        outcome = run("echo first line; sleep 60", say=heard.append, keep_going=lambda: not heard)
        return outcome, heard

    outcome, heard = as_runner(listen)

    assert heard == ["first line"]
    assert outcome.end is None


class _Broken(Sandbox):
    def run(self, command: str, **options: Any) -> Outcome:  # noqa: ARG002  never gets to them
        raise RuntimeError("a bug of ours")


def test_a_bug_of_the_runner_fails_the_task_as_the_platforms_fault_and_blocks_nobody(
    laboratory: Laboratory,
) -> None:
    task = replace(laboratory, sandbox=_Broken(None)).run("G-code", samples.gcode_good())

    assert statuses(task) == ["FAILED", "PENDING"]
    assert "The platform failed, not your work" in (task.current.stages[0].reason or "")


def test_a_queue_that_is_gone_when_a_stage_ends_fails_nobody_and_the_stage_runs_again(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach(*_: object) -> None:
        raise BrokerUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(PostgresConsumer, "finish", out_of_reach)
        with pytest.raises(BrokerUnavailable):
            laboratory.run("G-code", samples.gcode_good())

    laboratory.work()

    [task] = submissions.list_my_tasks(laboratory.ctx, laboratory.world.student)
    assert task.status is StageStatus.COMPLETED
    assert submissions.get_task(laboratory.ctx, PLATFORM, task.id).requeue_count == 1


def test_without_a_sandbox_student_code_is_refused_in_words(laboratory: Laboratory) -> None:
    task = replace(laboratory, sandbox=Sandbox(None)).run("Python tests", samples.pytest_good())

    assert statuses(task) == ["COMPLETED", "FAILED"]
    assert "bubblewrap" in (task.current.stages[1].reason or "")
