"""Submissions run through the real queue, files, sandbox and HTTP callbacks of a node."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import builders
import pytest
import uvicorn
from pydantic import SecretStr

from api.app import create_app
from core.broker import open_consumer
from core.context import PLATFORM, Context
from core.demo import containers, samples
from core.services import assignments, definitions, results, submissions
from core.services.assignments import AssignmentDraft
from core.services.submissions import TaskView
from core.topology import declared, ensure_topology
from core.vocabulary import StageStatus
from runner.node import Node
from runner.sandbox import Sandbox, find_sandbox
from tests.amqp import bodies


@dataclass(frozen=True)
class Laboratory:
    ctx: Context
    world: builders.World
    sandbox: Sandbox

    def run(self, definition: str, content: bytes) -> TaskView:
        """Submit `content`, let a node work until nothing waits, and look at the task."""
        draft = next(draft for draft in containers.DEFINITIONS if draft.definition_name == definition)
        draft = replace(draft, stages=tuple(replace(stage, timeout_seconds=5) for stage in draft.stages))
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
        node = Node(self.ctx.settings, self.ctx.storage, self.sandbox, threading.Event())
        with open_consumer(self.ctx.settings, "node") as consumer:
            while (delivery := consumer.receive(0.2)) is not None:
                node.work(consumer, delivery)
        return submissions.get_task(self.ctx, PLATFORM, task_id)


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
    assert any("results/" in name for name in read.files)


def test_the_same_node_works_over_rabbitmq(laboratory: Laboratory, amqp_url: str) -> None:
    settings = laboratory.ctx.settings.model_copy(update={"amqp_url": SecretStr(amqp_url)})
    distributed = replace(laboratory, ctx=replace(laboratory.ctx, settings=settings))

    task = distributed.run("G-code", samples.gcode_good())

    assert statuses(task) == ["COMPLETED", "COMPLETED"], [line.message for line in task.logs]
    assert task.requeue_count == 0
    assert bodies(amqp_url, "gcode-grammar") == bodies(amqp_url, "gcode-execution") == []


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


@pytest.mark.parametrize(
    "code",
    [
        "import socket\nsocket.create_connection(('127.0.0.1', 1), 1)",
        "open('/etc/shadow').read()",
        "open('/usr/written', 'w')",
        "len(bytearray(3_000_000_000))",
        "open('big', 'wb').write(bytes(400_000_000))",
        "import os\nfor _ in range(500): os.fork() or __import__('time').sleep(5)",
        "import time\ntime.sleep(60)",
    ],
    ids=["network", "secrets", "system", "memory", "file-size", "processes", "time"],
)
def test_what_a_submission_may_not_do_fails_its_stage(laboratory: Laboratory, code: str) -> None:
    if laboratory.sandbox.bwrap is None:
        pytest.skip("no bubblewrap on this machine")

    task = laboratory.run("Python tests", samples.pytest_running(code))

    assert statuses(task) == ["COMPLETED", "FAILED"]


def test_without_a_sandbox_student_code_is_refused_in_words(laboratory: Laboratory) -> None:
    task = replace(laboratory, sandbox=Sandbox(None)).run("Python tests", samples.pytest_good())

    assert statuses(task) == ["COMPLETED", "FAILED"]
    assert "bubblewrap" in (task.current.stages[1].reason or "")
