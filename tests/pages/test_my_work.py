"""What a student sees of their own work."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.context import ORCHESTRATOR, Context
from core.services import accounts, assignments, notices, receipts, reports, requeues, submissions
from core.services.assignments import AssignmentDraft, AssignmentRules
from core.vocabulary import LatePolicy
from dashboard import process, shell
from dashboard.task_view.compare import difference
from tests import builders
from tests.conftest import Clock

ROOT = Path(__file__).resolve().parents[2]
Open = Callable[..., AppTest]


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


@pytest.fixture
def open_page(ctx: Context, world: builders.World, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page as the student, in English. The harness has no cookies."""

    def open_page(name: str, **query: str) -> AppTest:
        person = replace(accounts.get_person(ctx, world.student), language="en")
        monkeypatch.setattr(process, "context", lambda: ctx)
        monkeypatch.setattr(shell, "find_visitor", lambda: person)
        app = AppTest.from_file(ROOT / "dashboard" / "app.py", default_timeout=100)
        app.run()
        app.switch_page(f"../pages/{name}.py")
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        assert list(app.exception) == []
        return app

    return open_page


def texts(app: AppTest) -> str:
    return "\n".join(part.value for kind in (app.markdown, app.caption, app.code) for part in kind)


def test_what_is_due_first_stands_first_with_the_time_left(
    ctx: Context, world: builders.World, open_page: Open
) -> None:
    draft = AssignmentDraft(
        "Print a ring", world.definition_id, ctx.now() - timedelta(days=1), ctx.now() + timedelta(hours=5)
    )
    assignments.create_assignment(ctx, world.professor, world.course_id, draft)

    labels = [part.label for part in open_page("my_work").expander]

    assert labels[:2] == [
        "**Print a ring** — 5 h left · – Not submitted",
        "**Print a cube** — 7 d left · – Not submitted",
    ]


def test_the_time_left_is_never_more_than_there_is(
    ctx: Context, clock: Clock, world: builders.World, open_page: Open
) -> None:
    clock.advance(minutes=10)

    label = next(part.label for part in open_page("my_work").expander)

    assert label == "**Print a cube** — 6 d 23 h left · – Not submitted"


def test_who_has_an_extension_still_finds_the_form_after_the_general_date(
    ctx: Context, clock: Clock, world: builders.World, open_page: Open
) -> None:
    due = ctx.now() + timedelta(days=10)
    assignments.grant_extensions(
        ctx, world.professor, world.assignment_id, [world.student.user_id or 0], due, reason="ill"
    )
    clock.advance(days=8)

    app = open_page("my_work")

    assert next(part.label for part in app.expander) == "**Print a cube** — 2 d left · – Not submitted"
    assert "This is your own date: you have an extension." in texts(app)


def test_a_failure_is_told_in_plain_words_above_what_the_stage_said(
    ctx: Context, world: builders.World, open_page: Open
) -> None:
    builders.fail(ctx, ORCHESTRATOR, builders.submit(ctx, world).task_id)

    shown = texts(open_page("my_work"))

    assert "▤ It is about your file" in shown
    assert "Correct that line and submit again." in shown
    assert shown.index("It is about your file") < shown.index("What to do next")
    assert builders.REASON in shown


def test_the_address_names_the_submission_that_is_shown(
    ctx: Context, world: builders.World, open_page: Open
) -> None:
    first = builders.submit(ctx, world, key="first")
    second = builders.submit(ctx, world, key="second")

    by_itself, named = open_page("my_work"), open_page("my_work", task=str(first.task_id))

    assert f"Reference {second.reference}" in texts(by_itself)
    assert f"Reference {first.reference}" in texts(named)


def test_a_requeue_is_told_with_its_cause(ctx: Context, world: builders.World, open_page: Open) -> None:
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    requeues.requeue(ctx, world.monitor, task_id)

    shown = texts(open_page("my_work"))

    assert "requeued by a person of the course: a new attempt" in shown
    assert "Attempt 2 opened" in shown


def test_the_log_is_narrowed_by_a_word(ctx: Context, world: builders.World, open_page: Open) -> None:
    task_id = builders.submit(ctx, world).task_id
    builders.fail(ctx, ORCHESTRATOR, task_id)
    app = open_page("my_work")

    app.text_input(key=f"log-words-{task_id}").input("UNKNOWN").run()

    logs = [code.value for code in app.code if "✖ [PARSING]" in code.value]
    assert len(logs) == 1
    assert logs[0].endswith(f"✖ [PARSING] {builders.REASON}")
    assert "received" not in logs[0]


def test_a_receipt_is_checked_by_its_address(ctx: Context, world: builders.World, open_page: Open) -> None:
    accepted = builders.submit(ctx, world)
    code = receipts.issue(ctx, world.student, accepted.task_id)

    good, bad = open_page("receipt"), open_page("receipt")
    good.text_area(key="code").input(code).run()
    bad.text_area(key="code").input(f"{code}A").run()

    assert list(good.exception) == []
    assert "Valid" in good.success[0].value
    assert accepted.sha256 in texts(good)
    assert "signature does not fit" in bad.error[0].value


def test_outputs_are_told_apart_line_by_line() -> None:
    assert difference("same", "same") == ""
    assert "-G99\n+G28" in difference("G1\nG99\nG2", "G1\nG28\nG2")


def accept_late(ctx: Context, world: builders.World) -> None:
    view = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    draft = AssignmentDraft(
        view.assignment_name,
        view.definition_id,
        view.assignment_start_date,
        view.assignment_end_date,
        rules=replace(view.rules, late_policy=LatePolicy.MARK),
    )
    assignments.update_assignment(ctx, world.professor, world.assignment_id, draft)


def test_a_student_sees_which_submissions_were_late(
    ctx: Context, clock: Clock, world: builders.World, open_page: Open
) -> None:
    accept_late(ctx, world)
    in_time = builders.submit(ctx, world, key="in time")
    clock.advance(days=8)
    late = builders.submit(ctx, world, key="late")

    app = open_page("my_work")
    earlier = open_page("my_work", task=str(in_time.task_id))

    assert app.button(key=f"open-{late.task_id}").label.startswith("○ Waiting · ◷ Late")
    assert "Late" not in app.button(key=f"open-{in_time.task_id}").label
    assert "#### ○ Waiting · ◷ Late" in texts(app)
    assert "it was accepted and marked as late." in texts(app)
    assert "Late" not in texts(earlier).split("Reference")[0].rsplit("####", 1)[-1]


def test_a_new_result_is_listed_on_every_page_until_it_is_read(
    ctx: Context, world: builders.World, open_page: Open
) -> None:
    task_id = builders.submit(ctx, world).task_id
    assert [part.label for part in open_page("receipt").expander if "New results" in part.label] == []
    builders.fail(ctx, ORCHESTRATOR, task_id)
    [notice] = notices.list_unread(ctx, world.student)

    app = open_page("receipt")
    assert [part.label for part in app.expander if "New results" in part.label] == ["● New results (1)"]
    app.button(key=f"notice-read-{notice.id}").click().run()

    assert list(app.exception) == []
    assert notices.list_unread(ctx, world.student) == []


def test_a_notice_leads_to_its_submission(ctx: Context, world: builders.World, open_page: Open) -> None:
    first = builders.submit(ctx, world, key="first")
    builders.submit(ctx, world, key="second")
    builders.fail(ctx, ORCHESTRATOR, first.task_id)
    [notice] = notices.list_unread(ctx, world.student)

    app = open_page("receipt")
    app.button(key=f"notice-open-{notice.id}").click().run()

    assert list(app.exception) == []
    assert f"Reference {first.reference}" in texts(app)
    assert notices.list_unread(ctx, world.student) == []


def test_a_student_finds_the_statement_as_a_pdf(ctx: Context, world: builders.World, open_page: Open) -> None:
    assignments.put_statement(
        ctx,
        world.professor,
        world.assignment_id,
        io.BytesIO(b"%PDF-1.4\n%%EOF\n"),
        file_name="cube.pdf",
    )

    shown: Any = open_page("my_work").get("link_button")
    links = [(link.label, link.url) for link in shown]

    assert any("cube" in label and url == f"/files/statement/{world.assignment_id}/0" for label, url in links)


def test_two_attempts_are_compared_by_stage_and_by_the_files_they_left(
    ctx: Context, world: builders.World, open_page: Open
) -> None:
    task_id = builders.submit(ctx, world).task_id
    builders.carry(ctx)
    leave(ctx, world, task_id, {"results/a.txt": "old text", "results/b.txt": "b"})
    builders.fail(ctx, ORCHESTRATOR, task_id)
    requeues.requeue(ctx, world.professor, task_id)
    builders.carry(ctx)
    leave(ctx, world, task_id, {"results/a.txt": "new text"})
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": 3})

    app = open_page("my_work", task=str(task_id))
    app.session_state[f"compare-{task_id}"] = True
    app.run()
    app.selectbox(key=f"compare-file-{task_id}").set_value("results/a.txt").run()

    assert list(app.exception) == []
    stages, files = (table.value for table in app.table[-2:])
    assert list(stages["Changed"]) == ["≠", "≠"]
    assert list(files["File"]) == ["results/a.txt", "results/b.txt"]
    assert list(files["now"])[1] == "—"
    shown = [code.value for code in app.code]
    assert "old text" in shown
    assert "new text" in shown


def leave(ctx: Context, world: builders.World, task_id: int, files: dict[str, str]) -> None:
    """Put the archive in place that a node would leave of the attempt that is open."""
    path = submissions.get_task(ctx, world.professor, task_id).current.file_path
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    content.seek(0)
    ctx.storage.delete(path)
    ctx.storage.upload(path, content)


@pytest.mark.parametrize(
    ("policy", "said"), [(LatePolicy.REFUSE, "It takes no more submissions"), (LatePolicy.MARK, "is late")]
)
def test_a_due_date_that_passes_under_the_open_page_is_told(
    ctx: Context, clock: Clock, world: builders.World, open_page: Open, *, policy: LatePolicy, said: str
) -> None:
    view = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    draft = AssignmentDraft(
        "Print __a__ cube",
        view.definition_id,
        view.assignment_start_date,
        view.assignment_end_date,
        rules=AssignmentRules(late_policy=policy),
    )
    assignments.update_assignment(ctx, world.professor, view.id, draft)
    app = open_page("my_work")
    assert list(app.warning) == []

    clock.advance(days=7, minutes=1)
    (warning,) = app.run().warning

    assert said in warning.value
    assert "\\_\\_a\\_\\_" in warning.value
    assert list(open_page("my_work").warning) == [], "nothing passed since this one was opened"
