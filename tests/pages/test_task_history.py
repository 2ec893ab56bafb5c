"""What happened to a submission is one list in the order of time, whoever did it."""

from __future__ import annotations

from dataclasses import replace

from core.context import ORCHESTRATOR, Context
from core.services import accounts, courses, requeues, submissions
from dashboard import shell
from dashboard.task_view import history
from tests import builders
from tests.conftest import Clock


def test_steps_requeues_people_and_reports_are_in_one_order_of_time(ctx: Context, clock: Clock) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    clock.advance(minutes=1)
    builders.fail(ctx, ORCHESTRATOR, task_id)
    clock.advance(minutes=1)
    requeues.requeue(ctx, world.monitor, task_id, note="New image")
    person = accounts.get_person(ctx, world.monitor)
    mine = tuple(courses.list_my_courses(ctx, world.monitor))
    visit = shell.Visit(ctx, world.monitor, replace(person, language="en"), mine, mine[0])

    events = history.events_of(visit, submissions.get_task(ctx, world.monitor, task_id))

    assert [event.at for event in events] == sorted(event.at for event in events)
    assert {event.kind for event in events} == {"step", "requeue", "person", "report"}
    assert [event.who for event in events if "New image" in event.what] == [person.email]
    kinds = [event.kind for event in events]
    steps = [n for n, event in enumerate(events) if event.attempt == 1 and event.kind == "step"]
    assert max(steps) < kinds.index("requeue")
