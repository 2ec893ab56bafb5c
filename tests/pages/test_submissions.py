"""What professors and monitors do on the page of an assignment's submissions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import operations as loop
from core.context import ORCHESTRATOR, Context
from core.services import accounts, reports, submissions
from core.services.submissions import SortBy, StudentFilter, Which
from core.vocabulary import StageStatus
from dashboard import process, shell
from tests import builders

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


@pytest.fixture
def page(ctx: Context, world: builders.World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens the page as the professor, with what the URL says."""

    def page(**query: str) -> AppTest:
        person = replace(accounts.get_person(ctx, world.professor), language="en")
        monkeypatch.setattr(process, "context", lambda: ctx)
        monkeypatch.setattr(shell, "find_visitor", lambda: person)
        app = AppTest.from_file(ROOT / "dashboard" / "app.py", default_timeout=100)
        app.run()
        app.switch_page("../pages/submissions.py")
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert list(app.exception) == []
        return app

    return page


def emails(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["Student"])


def test_the_figures_are_those_of_the_statistics(
    ctx: Context, world: builders.World, page: Callable[..., AppTest]
) -> None:
    for place in builders.classmates(ctx, world, 2):
        builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, place).task_id)
    passed = builders.submit(ctx, world).task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, passed, {"PARSING": 3, "EXECUTION": 3})

    shown = {metric.label: metric.value for metric in page().metric}

    assert shown == {
        "Enrolled students": "3",
        "Students who submitted": "3",
        "Submissions": "3",
        "Waiting or running": "0",
        "Passed": "1",
        "Failed": "2",
        "Requeues": "0",
    }


def test_filters_come_from_the_url_and_count_over_every_page(
    ctx: Context, world: builders.World, page: Callable[..., AppTest]
) -> None:
    for place in builders.classmates(ctx, world, 55):
        last = builders.submit(ctx, place).task_id
    builders.fail(ctx, ORCHESTRATOR, last)

    failed = page(view="students", status="failed")
    everybody = page(view="students")
    nobody = page(view="students", status="none")

    assert emails(failed) == ["classmate54@uniandes.edu.co"]
    assert len(emails(everybody)) == 50
    assert "56 students match." in [caption.value for caption in everybody.caption]
    assert emails(nobody) == ["student@uniandes.edu.co"]


def test_all_that_match_are_run_again_after_a_count_a_sample_and_a_reason(
    ctx: Context, world: builders.World, page: Callable[..., AppTest]
) -> None:
    for place in builders.classmates(ctx, world, 3):
        builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, place).task_id)
    app = page(view="students")

    app.toggle(key="again").set_value(True).run()
    assert app.button(key="start-students").disabled
    assert any("3 of them have failed" in text.value for text in app.markdown)
    app.text_input(key="note-students").set_value("the image was mended").run()
    app.button(key="start-students").click().run()
    while loop.carry_out_one(ctx):
        pass

    assert list(app.exception) == []
    assert app.session_state["view"] == "reruns"
    page(view="reruns")
    rows = submissions.overview(ctx, world.professor, world.assignment_id)
    assert [row.attempt for row in rows if row.task_id] == [2, 2, 2]


def test_a_link_leads_to_one_submission(
    ctx: Context, world: builders.World, page: Callable[..., AppTest]
) -> None:
    receipt = builders.submit(ctx, world)

    app = page(view="students", task=str(receipt.task_id))
    broken = page(view="students", task="nonsense")

    assert any(receipt.reference in caption.value for caption in app.caption)
    assert list(broken.error) == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", list(SortBy))
def test_every_order_of_the_list_holds_over_its_pages(
    ctx: Context, world: builders.World, sort: SortBy, *, descending: bool
) -> None:
    for place in builders.classmates(ctx, world, 52):
        builders.submit(ctx, place)
    wanted = StudentFilter(world.assignment_id)

    whole = submissions.list_students(ctx, world.monitor, wanted, sort=sort, descending=descending, page=None)
    parts = [
        submissions.list_students(ctx, world.monitor, wanted, sort=sort, descending=descending, page=number)
        for number in (1, 2, 99)
    ]

    assert (whole.total, parts[0].total, parts[0].pages) == (53, 53, 2)
    assert parts[0].rows + parts[1].rows == whole.rows
    assert parts[2].rows == parts[1].rows


def test_the_best_submission_stands_for_a_student_where_it_is_asked_for(
    ctx: Context, world: builders.World
) -> None:
    best = builders.submit(ctx, world, key="1").task_id
    reports.set_stage_statuses(ctx, ORCHESTRATOR, best, {"PARSING": 3, "EXECUTION": 3})
    latest = builders.submit(ctx, world, key="2").task_id
    builders.fail(ctx, ORCHESTRATOR, latest)

    (by_latest,) = submissions.list_students(ctx, world.monitor, StudentFilter(world.assignment_id)).rows
    (by_best,) = submissions.list_students(
        ctx, world.monitor, StudentFilter(world.assignment_id, which=Which.BEST)
    ).rows

    assert (by_latest.task_id, by_latest.status) == (latest, StageStatus.FAILED)
    assert (by_best.task_id, by_best.status, by_best.submissions) == (best, StageStatus.COMPLETED, 2)


def test_a_re_run_on_trial_shows_both_outcomes_and_counts_when_it_is_applied(
    ctx: Context, world: builders.World, page: Callable[..., AppTest]
) -> None:
    failed, passed = (builders.submit(ctx, place).task_id for place in builders.classmates(ctx, world, 2))
    builders.fail(ctx, ORCHESTRATOR, failed)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, passed, {"PARSING": 3, "EXECUTION": 3})
    app = page(view="students")
    app.toggle(key="again").set_value(True).run()
    app.checkbox(key="trial-students").set_value(True).run()
    app.text_input(key="note-students").set_value("a new image").run()
    app.button(key="start-students").click().run()
    while loop.carry_out_one(ctx):
        pass
    for task_id in (failed, passed):
        reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": 3})

    app = page(view="reruns")
    assert any("Passed → failed: 0 · failed → passed: 1 · same: 1" in text.value for text in app.markdown)
    table = app.dataframe[0].value
    assert list(table["Changed"]) == ["≠", ""]
    assert list(table["Counts now"]) == ["✖ Failed (1)", "✔ Passed (1)"]
    assert list(table["Trial"]) == ["✔ Passed (2)", "✔ Passed (2)"]
    next(button for button in app.button if button.label == "Apply all").click().run()

    assert list(app.exception) == []
    assert any("Applied: the new results count." in text.value for text in app.markdown)
    rows = submissions.overview(ctx, world.professor, world.assignment_id)
    assert {row.attempt for row in rows if row.task_id} == {2}
