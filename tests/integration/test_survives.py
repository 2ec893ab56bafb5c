"""Everything is killed in the middle of the work, and started again."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.bootstrap import open_context
from core.config import Settings
from core.context import PLATFORM, Context
from core.demo import samples
from core.services import accounts, assignments, courses, results, submissions
from core.services.submissions import Receipt, TaskView
from core.vocabulary import AssignmentState, StageStatus
from tests.e2e.browsing import members, running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

STUDENTS = 8


@contextmanager
def context(folder: Path) -> Iterator[Context]:
    ctx = open_context(Settings(data_dir=folder, _env_file=None))
    yield ctx
    ctx.db.dispose()


def hand_in(ctx: Context, number: int) -> Receipt:
    person = accounts.sign_in(
        ctx, email=f"estudiante{number}@uniandes.edu.co", password="ulos-demo", address=""
    )
    course = courses.list_my_courses(ctx, person.actor)[0]
    is_open = [
        view
        for view in assignments.list_assignments(ctx, person.actor, course.id)
        if view.state is AssignmentState.OPEN and view.definition_name == "G-code"
    ]
    content = io.BytesIO(samples.gcode_good())
    return submissions.submit(
        ctx, person.actor, is_open[0].id, content, file_name="cubo.zip", submit_key=f"survives-{number}"
    )


def wait_for(ctx: Context, receipts: list[Receipt], *, every: bool) -> list[TaskView]:
    """Look until all tasks have ended, or (not `every`) until one of them is being worked on."""
    deadline = time.monotonic() + 120
    while True:
        tasks = [submissions.get_task(ctx, PLATFORM, receipt.task_id) for receipt in receipts]
        ended = [task.summary.status.is_final for task in tasks]
        begun = [task.summary.status is not StageStatus.PENDING for task in tasks]
        if (all(ended) if every else any(begun)) or time.monotonic() > deadline:
            return tasks
        time.sleep(0.05)


def test_what_was_accepted_before_everything_was_killed_ends_once_and_right(tmp_path: Path) -> None:
    with running(tmp_path) as project, context(tmp_path) as ctx:
        receipts = [hand_in(ctx, number) for number in range(1, STUDENTS + 1)]
        wait_for(ctx, receipts, every=False)
        for pid, _command in members(project.folder):
            os.kill(pid, signal.SIGKILL)

    with running(tmp_path), context(tmp_path) as ctx:
        tasks = wait_for(ctx, receipts, every=True)

        log = [line.message for task in tasks for line in task.logs]
        assert {task.summary.status for task in tasks} == {StageStatus.COMPLETED}, log
        assert {len(task.attempts) for task in tasks} == {1}
        for receipt in receipts:
            original = b"".join(submissions.open_original(ctx, PLATFORM, receipt.task_id).pieces)
            assert hashlib.sha256(original).hexdigest() == receipt.sha256
            outputs = results.read_results(ctx, PLATFORM, receipt.task_id).outputs
            assert all(output.text for output in outputs)
