"""Submissions that run through the real queue, files, sandbox and HTTP callbacks of a node."""

from __future__ import annotations

import io
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import uvicorn

from api.app import create_app
from core.broker import open_consumer
from core.config import Settings
from core.context import PLATFORM, Context
from core.demo import containers
from core.services import assignments, definitions, submissions
from core.services.assignments import AssignmentDraft
from core.services.submissions import TaskView
from core.topology import declared, ensure_topology
from runner.machine import find_sandbox, read_bwrap
from runner.node import Node
from runner.sandbox import Outcome, Sandbox
from runner.scratch import remove
from tests import builders
from tests.unprivileged import as_runner


@dataclass(frozen=True)
class Laboratory:
    ctx: Context
    world: builders.World
    sandbox: Sandbox

    def run(
        self, definition: str, content: bytes, *, timeout: int = 60, image: bytes | None = None
    ) -> TaskView:
        """Submit `content`, let a node work until nothing waits, and look at the task."""
        task_id = self.submit(definition, content, timeout=timeout, image=image)
        self.work()
        return submissions.get_task(self.ctx, PLATFORM, task_id)

    def submit(
        self, definition: str, content: bytes, *, timeout: int = 60, image: bytes | None = None
    ) -> int:
        """Submit `content` and put its message into the queue. `image`: another than that of the demo."""
        name = f"Tried {secrets.token_hex(4)}"
        draft = next(draft for draft in containers.DEFINITIONS if draft.definition_name == definition)
        draft = replace(
            draft, stages=tuple(replace(stage, timeout_seconds=timeout) for stage in draft.stages)
        )
        container = draft.stages[0].container_name
        platform = replace(self.world.professor, is_platform=True)
        made = definitions.create_definition(
            self.ctx,
            platform,
            replace(draft, definition_name=name),
            {f"{container}.tar.gz": io.BytesIO(image or containers.build(container))},
        )
        now = self.ctx.now()
        opened = assignments.create_assignment(
            self.ctx,
            platform,
            self.world.course_id,
            AssignmentDraft(name, made.id, now - timedelta(hours=1), now + timedelta(hours=1)),
        )
        task_id = submissions.submit(
            self.ctx, self.world.student, opened.id, io.BytesIO(content), file_name="w.zip", submit_key=name
        ).task_id
        if self.ctx.settings.uses_rabbitmq:
            ensure_topology(self.ctx, declared(self.ctx))
        builders.carry(self.ctx)
        return task_id

    def work(self) -> None:
        """Let a node work until nothing waits."""
        as_runner(self._work)

    def _work(self) -> None:
        node = Node(self.ctx.settings, self.ctx.storage, self.sandbox, threading.Event())
        with open_consumer(self.ctx.settings, "node") as consumer:
            while (delivery := consumer.receive(0.2)) is not None:
                node.work(consumer, delivery)


@contextmanager
def open_laboratory(ctx: Context) -> Iterator[Laboratory]:
    """Serve the endpoint for callbacks while tests use the laboratory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = ctx.settings.model_copy(update={"api_port": port, "language": "en"})
    ctx = replace(ctx, settings=settings)
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, ctx), port=port, log_level="error", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield Laboratory(ctx, builders.world(ctx), find_best_sandbox(settings))
    finally:
        server.should_exit = True
        thread.join()


def find_best_sandbox(settings: Settings) -> Sandbox:
    """The best sandbox that works here, tried out as the runner does."""
    program = read_bwrap(settings)
    return as_runner(lambda: find_sandbox(settings, program)[0])


def statuses(task: TaskView) -> list[str]:
    return [stage.status.name for stage in task.current.stages]


@dataclass(frozen=True)
class Run:
    """Runs commands in `sandbox`, each in a folder of its own; to be called in `as_runner`."""

    sandbox: Sandbox

    def __call__(
        self,
        command: str,
        files: Mapping[str, str] = MappingProxyType({}),
        *,
        started: Callable[[Path], object] = lambda _: None,
        **options: Any,
    ) -> Outcome:
        """Run `command` in a folder with `files`; `started` is told which folder that is."""
        folder = Path(tempfile.mkdtemp())
        for name in ("work", "image"):
            (folder / name).mkdir()
        for name, text in files.items():
            (folder / "work" / name).write_text(text)
        started(folder / "work")
        values: dict[str, Any] = {
            "say": lambda _: None,
            "keep_going": lambda: True,
            "timeout_seconds": 60,
        } | options
        return self.sandbox.run(
            command, work=folder / "work", image=folder / "image", language="en", **values
        )

    def remove(self, folder: Path) -> None:
        """Remove a folder as the runner does."""
        remove(folder)
