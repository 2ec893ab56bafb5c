"""The demo that a first start creates."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.context import PLATFORM, Context
from core.demo.seed import seed
from core.services import accounts, courses, inventory, monitoring, results, submissions
from core.services.monitoring import Scope
from core.services.submissions import TaskFilter
from core.vocabulary import StageStatus


def test_the_demo_is_made_once_and_leaves_nothing_to_be_run(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.demo.seed.PAST_TASKS", 12)

    seed(ctx)
    seed(ctx)

    person = accounts.sign_in(ctx, email="monitor@uniandes.edu.co", password="ulos-demo", address="here")
    course = courses.list_my_courses(ctx, person.actor)[0]
    figures = monitoring.summarise(ctx, person.actor, Scope(course_id=course.id))
    assert figures.completed + figures.failed == 12
    assert (figures.waiting, figures.outbox) == (0, 0)
    assert course.is_demo
    assert len(courses.list_members(ctx, PLATFORM, course.id)) == 32


def test_the_files_of_the_past_are_where_nodes_left_them(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.demo.seed.PAST_TASKS", 12)

    seed(ctx)

    inventory.compare_files(ctx)
    assert inventory.list_missing_files(ctx, PLATFORM) == []
    tasks = submissions.list_tasks(ctx, PLATFORM, TaskFilter()).items
    assert len(tasks) == 12
    for task in tasks:
        outputs = results.read_results(ctx, PLATFORM, task.id).outputs
        ended = {StageStatus.COMPLETED, StageStatus.FAILED}
        stages = submissions.get_task(ctx, PLATFORM, task.id).current.stages
        assert [bool(one.text) for one in outputs] == [True for stage in stages if stage.status in ended]


def test_a_demo_cut_short_is_completed(ctx: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("core.demo.seed.PAST_TASKS", 3)
    seed(ctx)
    monkeypatch.setattr("core.demo.seed.PAST_TASKS", 6)

    seed(ctx)

    person = accounts.sign_in(ctx, email="monitor@uniandes.edu.co", password="ulos-demo", address="here")
    figures = monitoring.summarise(ctx, person.actor, Scope())
    assert figures.completed + figures.failed == 6
