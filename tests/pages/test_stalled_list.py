"""A monitor sees what nothing is heard of any more, with the last that was, and runs it again."""

from __future__ import annotations

import pytest

from core.context import ORCHESTRATOR, PLATFORM, Context
from core.services import reports, stalled, submissions
from tests import builders
from tests.conftest import Clock
from tests.page_visits import visitor


def test_a_stalled_submission_is_listed_with_its_last_words_and_requeued_from_there(
    ctx: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    builders.carry(ctx)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": "IN_PROGRESS"})
    reports.add_task_log(ctx, ORCHESTRATOR, task_id, "Robot calibrated")
    clock.advance(hours=1)
    assert stalled.mark_stalled(ctx, PLATFORM) == [task_id]
    page = visitor(ctx, monkeypatch)(world.monitor, "monitoring")
    page.session_state["view"] = "stalled"
    page.run()
    assert "Robot calibrated" in [code.value for code in page.code]

    page.button(key=f"requeue-silent-{task_id}").click().run()

    assert list(page.exception) == []
    assert submissions.get_task(ctx, world.student, task_id).current.number == 2
    assert "No submission is stalled." in [success.value for success in page.success]
