"""Reports that cannot be applied are put aside with their reason and can be applied again."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.context import PLATFORM, Actor, Context
from core.errors import NotAllowed, NotFound, StillParked
from core.models import AppliedReport, Task, TaskAttempt
from core.services import courses, reports
from core.services.reports import Applied
from core.vocabulary import ParkReason, Role, StageStatus
from core.wire import LOG_KEY
from core.wire.reports import read_report
from tests import builders
from tests.node_reports import (
    PASSED,
    RECEIVED,
    REJECTED,
    Carried,
)
from tests.stories import Story, hear

PENDING, RUNNING, COMPLETED, _ = StageStatus


def test_one_poisoned_report_stops_none_of_its_batch(ctx: Context) -> None:
    story = Story.begin(ctx)
    strange = Carried(story.first().fields | {"taskId": "999999"}, story.first().tree, 1)

    done = hear(
        ctx,
        (story.first().write(RECEIVED), LOG_KEY),
        (b"\xff\x00garbage", LOG_KEY),
        (strange.write(RECEIVED), LOG_KEY),
        (story.first().write(PASSED), "task.unheard"),
        (story.second().write(RECEIVED), LOG_KEY),
    )

    assert done == Applied(2, 0, 3)
    assert story.stages() == [COMPLETED, RUNNING]


def damaged(story: Story, reason: ParkReason) -> tuple[bytes, str]:
    carried = story.first()
    match reason:
        case ParkReason.UNREADABLE:
            return b"\xff\x00garbage", LOG_KEY
        case ParkReason.NODE_COULD_NOT_READ:
            return Carried({"taskId": "", "filePath": "/"}, None, 1).write(REJECTED), LOG_KEY
        case ParkReason.UNKNOWN_KEY:
            return carried.write(RECEIVED), "task.paused"
        case ParkReason.UNKNOWN_TASK:
            return Carried(carried.fields | {"taskId": "987654321"}, carried.tree, 1).write(RECEIVED), LOG_KEY
        case ParkReason.UNKNOWN_ATTEMPT:
            return Carried(carried.fields | {"filePath": "/x.zip"}, carried.tree, 1).write(RECEIVED), LOG_KEY
        case _:
            deep = {"exchange": "e", "routingKey": "third", "successRoutingDecision": carried.tree}
            return Carried(carried.fields, deep, 1).write(RECEIVED), LOG_KEY


@pytest.mark.parametrize("reason", [reason for reason in ParkReason if reason is not ParkReason.REFUSED])
def test_what_cannot_be_applied_is_parked_with_its_reason(ctx: Context, reason: ParkReason) -> None:
    story = Story.begin(ctx)
    admin = builders.person(ctx, "admin", is_admin=True)
    body, key = damaged(story, reason)

    hear(ctx, (body, key))

    (parked,) = reports.list_parked(ctx, admin)
    assert (parked.reason, parked.routing_key, parked.size) == (reason, key, len(body))
    assert reports.count_parked(ctx, admin) == 1
    with pytest.raises(StillParked, match=reason.value):
        reports.apply_parked(ctx, admin, parked.id)
    assert story.stages() == [PENDING, PENDING]


def test_a_report_of_a_deleted_task_is_parked(ctx: Context) -> None:
    story = Story.begin(ctx)
    said = story.first().write(RECEIVED)
    with ctx.db.transaction() as session:
        session.delete(session.get_one(Task, story.task_id))

    hear(ctx, (said, LOG_KEY))

    (parked,) = reports.list_parked(ctx, builders.person(ctx, "admin", is_admin=True))
    assert (parked.reason, parked.task_id, parked.course_id) == (ParkReason.UNKNOWN_TASK, story.task_id, None)


def test_a_report_that_lost_the_name_of_its_task_is_known_by_its_file(ctx: Context) -> None:
    story = Story.begin(ctx)
    fields = {name: value for name, value in story.first().fields.items() if name != "taskId"}

    hear(ctx, (Carried(fields, story.first().tree, 1).write(RECEIVED), LOG_KEY))

    assert story.stages() == [RUNNING, PENDING]


def test_a_parked_report_is_applied_once_what_was_in_its_way_is_gone(ctx: Context) -> None:
    story = Story.begin(ctx)
    hear(ctx, (story.first().write(RECEIVED), "task.paused"))
    lost = Carried(story.first().fields | {"filePath": "/elsewhere.zip"}, story.first().tree, 1)
    hear(ctx, (lost.write(RECEIVED), LOG_KEY))
    parked = reports.list_parked(ctx, story.world.monitor)[0]
    with ctx.db.transaction() as session:
        session.scalars(select(TaskAttempt)).one().file_path = "/elsewhere.zip"

    reports.apply_parked(ctx, story.world.monitor, parked.id)

    assert story.stages() == [RUNNING, PENDING]
    assert reports.count_parked(ctx, story.world.monitor) == 1
    with pytest.raises(NotFound):
        reports.apply_parked(ctx, story.world.monitor, parked.id)


def test_a_discarded_report_waits_no_more(ctx: Context) -> None:
    story = Story.begin(ctx)
    hear(ctx, (story.first().write(RECEIVED), "task.paused"))
    (parked,) = reports.list_parked(ctx, story.world.professor)

    reports.discard_parked(ctx, story.world.professor, parked.id)

    assert reports.list_parked(ctx, story.world.professor) == []


def test_parked_reports_are_the_business_of_who_teaches_the_course_or_of_the_administrator(
    ctx: Context,
) -> None:
    story = Story.begin(ctx)
    hear(ctx, (story.first().write(RECEIVED), "task.paused"), (b"garbage", LOG_KEY))
    other = other_monitor(ctx)

    assert len(reports.list_parked(ctx, builders.person(ctx, "admin", is_admin=True))) == 2
    assert len(reports.list_parked(ctx, story.world.monitor)) == 1
    assert reports.list_parked(ctx, other) == []
    nobodys, ours = sorted(
        reports.list_parked(ctx, builders.person(ctx, "admin2", is_admin=True)),
        key=lambda row: row.task_id or 0,
    )
    for act in (reports.apply_parked, reports.discard_parked):
        with pytest.raises(NotAllowed):
            act(ctx, story.world.monitor, nobodys.id)
        with pytest.raises(NotAllowed):
            act(ctx, story.world.student, ours.id)
        with pytest.raises(NotFound):
            act(ctx, other, ours.id)
    with pytest.raises(NotAllowed):
        reports.list_parked(ctx, story.world.student)


def test_only_the_orchestrator_reports(ctx: Context) -> None:
    story = Story.begin(ctx)
    read = [read_report(story.first().write(RECEIVED), LOG_KEY)]

    for actor in (story.world.professor, story.world.student):
        with pytest.raises(NotAllowed):
            reports.apply_reports(ctx, actor, read)

    with ctx.db.transaction() as session:
        assert session.scalar(select(AppliedReport)) is None


def other_monitor(ctx: Context) -> Actor:
    course = courses.create_course(ctx, PLATFORM, name="Compilers")
    person = builders.person(ctx, "other")
    courses.enrol(ctx, PLATFORM, course, person.user_id or 0, Role.MONITOR)
    return person
