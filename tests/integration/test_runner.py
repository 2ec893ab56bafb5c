"""Submissions run through the real queue, files, sandbox and HTTP callbacks of a node."""

from __future__ import annotations

import io
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr

from api.app import create_app
from core.broker import open_consumer
from core.broker.postgres import PostgresConsumer
from core.config import Settings
from core.context import PLATFORM, Context
from core.demo import containers, samples
from core.errors import BrokerUnavailable
from core.services import assignments, definitions, results, submissions
from core.services.assignments import AssignmentDraft
from core.services.submissions import TaskView
from core.topology import declared, ensure_topology
from core.vocabulary import StageStatus
from runner.node import Node
from runner.sandbox import Outcome, Sandbox, find_sandbox
from tests import builders
from tests.amqp import bodies


@dataclass(frozen=True)
class Laboratory:
    ctx: Context
    world: builders.World
    sandbox: Sandbox

    def run(self, definition: str, content: bytes, *, timeout: int = 60) -> TaskView:
        """Submit `content`, let a node work until nothing waits, and look at the task."""
        draft = next(draft for draft in containers.DEFINITIONS if draft.definition_name == definition)
        draft = replace(
            draft, stages=tuple(replace(stage, timeout_seconds=timeout) for stage in draft.stages)
        )
        name = draft.stages[0].container_name
        platform = replace(self.world.professor, is_platform=True)
        made = definitions.create_definition(
            self.ctx,
            platform,
            replace(draft, definition_name="Tried"),
            {f"{name}.tar.gz": io.BytesIO(containers.build(name))},
        )
        now = self.ctx.now()
        opened = assignments.create_assignment(
            self.ctx,
            platform,
            self.world.course_id,
            AssignmentDraft("Tried", made.id, now - timedelta(hours=1), now + timedelta(hours=1)),
        )
        task_id = submissions.submit(
            self.ctx, self.world.student, opened.id, io.BytesIO(content), file_name="w.zip", submit_key="k"
        ).task_id
        if self.ctx.settings.uses_rabbitmq:
            ensure_topology(self.ctx, declared(self.ctx))
        builders.carry(self.ctx)
        self.work()
        return submissions.get_task(self.ctx, PLATFORM, task_id)

    def work(self) -> None:
        """Let a node work until nothing waits."""
        node = Node(self.ctx.settings, self.ctx.storage, self.sandbox, threading.Event())
        with open_consumer(self.ctx.settings, "node") as consumer:
            while (delivery := consumer.receive(0.2)) is not None:
                node.work(consumer, delivery)


@pytest.fixture
def laboratory(ctx: Context) -> Iterator[Laboratory]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = ctx.settings.model_copy(update={"api_port": port, "language": "en"})
    ctx = replace(ctx, settings=settings)
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, ctx), port=port, log_level="error", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield Laboratory(ctx, builders.world(ctx), find_sandbox(settings))
    server.should_exit = True
    thread.join()


def statuses(task: TaskView) -> list[str]:
    return [stage.status.name for stage in task.current.stages]


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
        ("Python tests", samples.pytest_failing(), "0 test(s) passed, 1 failed"),
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


Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs a command in a sandbox of its own, in a folder that nobody's user can reach, too."""
    sandbox = find_sandbox(Settings(_env_file=None, data_dir=tmp_path))
    if sandbox.bwrap is None:
        pytest.skip("no bubblewrap on this machine")
    reachable = tempfile.TemporaryDirectory()
    Path(reachable.name).chmod(0o755)

    def run(command: str, **options: Any) -> Outcome:
        folder = Path(tempfile.mkdtemp(dir=reachable.name))
        folder.chmod(0o755)
        for name in ("work", "image"):
            (folder / name).mkdir()
        heard = {"say": lambda _: None, "keep_going": lambda: True} | options
        return sandbox.run(
            command,
            work=folder / "work",
            image=folder / "image",
            timeout_seconds=60,
            language="en",
            **heard,
        )

    with reachable:
        yield run


def test_the_processes_of_one_submission_do_not_take_those_of_another(run: Run) -> None:
    crowded, over = threading.Event(), threading.Event()
    crowd = "i=0; while [ $i -lt 55 ]; do sleep 60 & i=$((i+1)); done; echo crowded; sleep 60"

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run, crowd, say=lambda _: crowded.set(), keep_going=lambda: not over.is_set())
        assert crowded.wait(30)
        other = run("i=0; while [ $i -lt 20 ]; do sleep 1 & i=$((i+1)); done; wait; echo fine")
        over.set()

    assert (other.end, other.output) == (0, "fine\n")


def test_what_a_stage_prints_is_heard_while_it_runs(run: Run) -> None:
    heard: list[str] = []

    outcome = run("echo first line; sleep 60", say=heard.append, keep_going=lambda: not heard)

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
