"""Who goes next when more waits than may go, and what those who wait are told."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from core import wire
from core.broker import Message, PostgresPublisher, open_consumer
from core.context import ORCHESTRATOR, Context
from core.errors import TooManyRequeues
from core.relay import copy_next, publish_batch
from core.services import assignments, reports, requeues, submissions
from core.services.assignments import AssignmentDraft
from core.vocabulary import WaitingCause
from tests import builders
from tests.conftest import Clock


def limited(ctx: Context, **limits: int) -> Context:
    everything = {"max_under_way_per_student": 0, "max_under_way_per_assignment": 0} | limits
    return replace(ctx, settings=ctx.settings.model_copy(update=everything))


def submit(ctx: Context, world: builders.World, times: int = 1) -> list[int]:
    """Ids of as many new submissions."""
    return [builders.submit(ctx, world, key=secrets.token_hex(8)).task_id for _ in range(times)]


def published(ctx: Context) -> list[int]:
    """Tasks that went to the queue and were not looked at before, in order."""
    while builders.carry(ctx):
        pass
    found = []
    with open_consumer(ctx.settings, "reader") as consumer:
        while (delivery := consumer.receive(0)) is not None:
            found.append(int(wire.decode(delivery.message.body).task_id))
            consumer.finish(delivery)
    return found


def end(ctx: Context, task_id: int, status: str = "COMPLETED") -> None:
    reports.set_stage_statuses(ctx, ORCHESTRATOR, task_id, {"PARSING": 3, "EXECUTION": status})


def reason(ctx: Context, world: builders.World, task_id: int) -> WaitingCause | None:
    found = submissions.get_task(ctx, world.student, task_id).current.waiting_reason
    return found.cause if found else None


def test_without_limits_everything_goes_the_oldest_first(ctx: Context) -> None:
    ctx = limited(ctx)
    one, two = builders.classmates(ctx, builders.world(ctx), 2)
    tasks = [*submit(ctx, one), *submit(ctx, two)]

    assert published(ctx) == tasks


def test_a_student_has_no_more_under_way_than_the_limit_and_others_pass(ctx: Context) -> None:
    ctx = limited(ctx, max_under_way_per_student=2)
    many, few = builders.classmates(ctx, builders.world(ctx), 2)
    flood = submit(ctx, many, 5)
    other = submit(ctx, few)

    first = published(ctx)

    assert sorted(first) == sorted([*flood[-2:], *other])
    assert published(ctx) == []


def test_the_newest_submission_of_a_student_takes_the_place_of_their_oldest(ctx: Context) -> None:
    ctx = limited(ctx)
    one, two = builders.classmates(ctx, builders.world(ctx), 2)
    (old,) = submit(ctx, one)
    (other,) = submit(ctx, two)
    (new,) = submit(ctx, one)

    assert published(ctx) == [new, other, old]


def test_a_place_is_free_again_when_its_task_has_ended(ctx: Context) -> None:
    ctx = limited(ctx, max_under_way_per_student=1)
    world = builders.world(ctx)
    old, new = submit(ctx, world, 2)
    assert published(ctx) == [new]

    end(ctx, new)

    assert published(ctx) == [old]


def test_what_got_lost_on_its_way_blocks_its_student_for_an_hour_at_most(ctx: Context, clock: Clock) -> None:
    ctx = limited(ctx, max_under_way_per_student=1)
    old, new = submit(ctx, builders.world(ctx), 2)
    assert published(ctx) == [new]

    clock.advance(minutes=61)

    assert published(ctx) == [old]


def test_an_assignment_has_no_more_under_way_than_the_limit_and_other_assignments_pass(ctx: Context) -> None:
    ctx = limited(ctx, max_under_way_per_assignment=2, max_under_way_per_student=1)
    world = builders.world(ctx)
    second = _another(ctx, world)
    people = builders.classmates(ctx, world, 3)
    crowded = [submit(ctx, person)[0] for person in people]
    elsewhere = submit(ctx, replace(people[2], assignment_id=second))

    assert sorted(published(ctx)) == sorted([*crowded[:2], *elsewhere])

    end(ctx, elsewhere[0])
    assert published(ctx) == []
    end(ctx, crowded[0])
    assert published(ctx) == [crowded[2]]


def test_a_full_assignment_does_not_hold_up_what_its_students_have_elsewhere(ctx: Context) -> None:
    ctx = limited(ctx, max_under_way_per_assignment=1, max_under_way_per_student=1)
    world = builders.world(ctx)
    other, same = builders.classmates(ctx, world, 2)
    second = replace(same, assignment_id=_another(ctx, world))
    assert published(ctx) == []
    (first,) = submit(ctx, other)
    assert published(ctx) == [first]
    (free,) = submit(ctx, second)
    submit(ctx, same)

    assert published(ctx) == [free]


def _another(ctx: Context, world: builders.World) -> int:
    known = assignments.get_assignment(ctx, world.professor, world.assignment_id)
    draft = AssignmentDraft(
        "Another", world.definition_id, known.assignment_start_date, known.assignment_end_date
    )
    return assignments.create_assignment(ctx, world.professor, world.course_id, draft).id


def test_fresh_submissions_go_before_requeued_ones(ctx: Context) -> None:
    ctx = limited(ctx)
    one, two = builders.classmates(ctx, builders.world(ctx), 2)
    (failed,) = submit(ctx, one)
    published(ctx)
    end(ctx, failed, "FAILED")
    requeues.requeue(ctx, one.monitor, failed)
    (fresh,) = submit(ctx, two)

    assert published(ctx) == [fresh, failed]


def test_whoever_waits_is_told_the_rule(ctx: Context) -> None:
    ctx = limited(ctx, max_under_way_per_student=1)
    world = builders.world(ctx)
    old, new = submit(ctx, world, 2)
    published(ctx)

    found = submissions.get_task(ctx, world.student, old).current.waiting_reason

    assert found is not None
    assert found.cause is WaitingCause.STUDENT_LIMIT
    assert str(found).startswith("1 submissions of this student are under way")
    assert reason(ctx, world, new) is None
    everybody = limited(ctx, max_under_way_per_assignment=1)
    assert reason(everybody, world, old) is WaitingCause.ASSIGNMENT_LIMIT


class Slow(PostgresPublisher):
    """The embedded queue on a day when it takes its time."""

    def __init__(self) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def publish(self, session: Session, messages: Sequence[Message]) -> list[str | None]:
        self.begun.set()
        self.may_go_on.wait(60)
        return super().publish(session, messages)


def test_a_relay_does_not_overlook_what_another_is_about_to_publish(ctx: Context) -> None:
    ctx = limited(ctx, max_under_way_per_student=3)
    world = builders.world(ctx)
    submit(ctx, world, 3)
    while copy_next(ctx):
        pass
    slow = Slow()
    other = threading.Thread(target=publish_batch, args=(ctx, slow))
    other.start()
    slow.begun.wait(60)
    submit(ctx, world)
    while copy_next(ctx):
        pass

    meanwhile = publish_batch(ctx, PostgresPublisher())
    slow.may_go_on.set()
    other.join()

    assert meanwhile == 0
    assert len(published(ctx)) == 3


def test_several_relays_publish_each_message_once(ctx: Context) -> None:
    ctx = limited(ctx)
    tasks = submit(ctx, builders.world(ctx), 30)
    while copy_next(ctx):
        pass
    threads = [
        threading.Thread(target=lambda: [publish_batch(ctx, PostgresPublisher()) for _ in range(5)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(published(ctx)) == tasks


def test_nothing_is_requeued_for_ever(ctx: Context) -> None:
    ctx = replace(ctx, settings=ctx.settings.model_copy(update={"max_attempts": 2}))
    world = builders.world(ctx)
    (task,) = submit(ctx, world)
    end(ctx, task, "FAILED")
    requeues.requeue(ctx, world.monitor, task)
    end(ctx, task, "FAILED")

    with pytest.raises(TooManyRequeues):
        requeues.requeue(ctx, world.monitor, task)

    assert submissions.get_task(ctx, world.monitor, task).current.number == 2
