"""What reports from the broker do to tasks: read as a node writes them, applied to real rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import permutations

import builders
import pytest
from conftest import Clock
from node_reports import (
    ACKNOWLEDGED,
    DOWNLOADED,
    NOT_PASSED,
    PASSED,
    RECEIVED,
    REJECTED,
    SENT,
    UPLOADED,
    Carried,
)
from sqlalchemy import select

from core import sweep
from core.context import ORCHESTRATOR, PLATFORM, Actor, Context
from core.errors import NotAllowed, NotFound, StillParked
from core.models import AppliedReport, OutboxMessage, RequeueEvent, Task, TaskAttempt, TaskMetrics
from core.services import courses, reports, requeues, submissions
from core.services.reports import Applied
from core.vocabulary import ParkReason, Role, StageStatus
from core.wire import CRASHED_KEY, DONE_KEY, FAILED_KEY, LOG_KEY
from core.wire.reports import read_report

PENDING, RUNNING, COMPLETED, FAILED = StageStatus
FULL_DISK = "552 disk full"


@dataclass
class Story:
    """A task of two stages, and what nodes say about it."""

    ctx: Context
    world: builders.World
    task_id: int
    messages: list[bytes] = field(default_factory=list)

    @classmethod
    def begin(cls, ctx: Context) -> Story:
        world = builders.world(ctx)
        story = cls(ctx, world, builders.submit(ctx, world).task_id)
        story.messages = bodies(ctx, story.task_id)
        return story

    def another(self, key: str) -> Story:
        """The same student's next task."""
        task_id = builders.submit(self.ctx, self.world, key=key).task_id
        return Story(self.ctx, self.world, task_id, bodies(self.ctx, task_id))

    def first(self, tag: int = 1, *, attempt: int = 1) -> Carried:
        return Carried.from_message(self.messages[attempt - 1], tag)

    def second(self, tag: int = 2) -> Carried:
        return self.first(tag).towards(success=True)

    def say(
        self, carried: Carried, text: str | None, key: str = LOG_KEY, *, redelivered: bool = False
    ) -> Applied:
        return hear(self.ctx, (carried.write(text), key), redelivered=redelivered)

    def pass_first(self, tag: int = 1) -> None:
        for carried, text in healthy(self.first(tag)):
            self.say(carried, text)

    def stages(self) -> list[StageStatus]:
        return [stage.status for stage in self.view().current.stages]

    def view(self) -> submissions.TaskView:
        return submissions.get_task(self.ctx, self.world.monitor, self.task_id)

    def causes(self) -> list[str]:
        with self.ctx.db.transaction() as session:
            return list(session.scalars(select(RequeueEvent.cause).order_by(RequeueEvent.id)))


def hear(ctx: Context, *said: tuple[bytes, str], redelivered: bool = False) -> Applied:
    read = [read_report(body, key, redelivered=redelivered) for body, key in said]
    return reports.apply_reports(ctx, ORCHESTRATOR, read)


def bodies(ctx: Context, task_id: int) -> list[bytes]:
    """The message of each attempt."""
    query = (
        select(OutboxMessage.body)
        .join(TaskAttempt, TaskAttempt.id == OutboxMessage.attempt_id)
        .where(TaskAttempt.task_id == task_id)
        .order_by(OutboxMessage.id)
    )
    with ctx.db.transaction() as session:
        return [bytes(body) for body in session.scalars(query)]


def healthy(carried: Carried, *, success: bool = True) -> list[tuple[Carried, str]]:
    after = carried.towards(success=success)
    verdict = PASSED if success else NOT_PASSED
    return [
        *((carried, text) for text in (RECEIVED, DOWNLOADED, verdict)),
        *((after, text) for text in (UPLOADED, SENT, ACKNOWLEDGED)),
    ]


def test_the_seven_texts_of_two_healthy_stages_lead_to_the_end(ctx: Context, clock: Clock) -> None:
    story = Story.begin(ctx)
    seen = []

    for carried, text in healthy(story.first()) + healthy(story.second()):
        clock.advance(seconds=10)
        story.say(carried, text)
        seen.append((text.split()[1], *story.stages()))

    assert seen == [
        ("received", RUNNING, PENDING),
        ("files", RUNNING, PENDING),
        ("processing", RUNNING, PENDING),
        ("execution", COMPLETED, PENDING),
        ("sent", COMPLETED, PENDING),
        ("acknowledged", COMPLETED, PENDING),
        ("received", COMPLETED, RUNNING),
        ("files", COMPLETED, RUNNING),
        ("processing", COMPLETED, RUNNING),
        ("execution", COMPLETED, COMPLETED),
        ("sent", COMPLETED, COMPLETED),
        ("acknowledged", COMPLETED, COMPLETED),
    ]
    first, second = story.view().current.stages
    assert first.started_at
    assert first.ended_at
    assert second.queued_at == first.ended_at
    assert second.started_at
    assert (second.started_at - second.queued_at).total_seconds() == 30
    assert story.view().summary.status is COMPLETED
    assert story.view().requeue_count == 0


def test_a_verdict_is_not_final_before_its_files_are_up(ctx: Context) -> None:
    story = Story.begin(ctx)

    story.say(story.first(), NOT_PASSED)

    assert story.stages() == [RUNNING, PENDING]
    story.say(story.first().towards(success=False), UPLOADED)
    assert story.stages() == [FAILED, PENDING]
    assert story.view().current.stages[0].reason == NOT_PASSED


@pytest.mark.parametrize(
    ("key", "text"), [(LOG_KEY, RECEIVED), (LOG_KEY, DOWNLOADED), (LOG_KEY, PASSED), (LOG_KEY, UPLOADED)]
)
def test_a_report_about_a_stage_shows_that_those_before_are_complete(
    ctx: Context, key: str, text: str
) -> None:
    story = Story.begin(ctx)

    story.say(story.second(), text, key)

    assert story.stages()[0] is COMPLETED


def test_task_done_completes_all(ctx: Context) -> None:
    story = Story.begin(ctx)

    story.say(story.second().towards(success=True), None, DONE_KEY)

    assert story.stages() == [COMPLETED, COMPLETED]


def test_a_failure_is_of_the_first_stage_that_is_not_complete(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.pass_first()

    story.say(story.second().towards(success=False), None, FAILED_KEY)

    assert story.stages() == [COMPLETED, FAILED]


def test_a_failure_heard_first_makes_the_pass_that_was_recorded_before_it_final(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), PASSED)

    story.say(story.second().towards(success=False), None, FAILED_KEY)

    assert story.stages() == [COMPLETED, FAILED]


def test_without_a_tree_the_recorded_verdict_stands_when_the_files_are_up(ctx: Context) -> None:
    story = Story.begin(ctx)
    bare = Carried(story.first().fields, None, 1)
    story.say(bare, UPLOADED)
    assert story.stages() == [PENDING, PENDING]
    story.say(story.first(), NOT_PASSED)

    story.say(bare, UPLOADED)

    assert story.stages() == [FAILED, PENDING]


def test_an_unknown_text_is_a_line_of_the_log_and_moves_nothing(ctx: Context) -> None:
    story = Story.begin(ctx)

    story.say(story.second(), "Robot calibrated")

    assert story.stages() == [PENDING, PENDING]
    assert story.view().logs[-1].message == "Robot calibrated"


@pytest.mark.parametrize("text", ["552 disk full", RECEIVED, "", None])
def test_a_crash_is_known_by_its_key_whatever_it_says(ctx: Context, text: str | None) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)

    story.say(story.first(), text, CRASHED_KEY)

    assert story.stages() == [FAILED, PENDING]
    assert story.view().current.stages[0].reason
    assert story.view().requeue_count == 0


def test_a_crash_after_a_verdict_is_of_the_stage_before_the_root_in_whatever_order_it_is_told(
    ctx: Context,
) -> None:
    first = Story.begin(ctx)
    outcomes = set()

    for number, order in enumerate(permutations(range(4))):
        story = first.another(f"order {number}")
        after = story.second(tag=1)
        told = [
            (after, FULL_DISK, CRASHED_KEY),
            (after, f"Task files upload failed with reason - {FULL_DISK}", LOG_KEY),
            (after, f"Task crashed with reason - {FULL_DISK}", LOG_KEY),
            (after, REJECTED, LOG_KEY),
        ]
        story.say(story.first(), RECEIVED)
        story.say(story.first(), PASSED)
        for index in order:
            story.say(*told[index])
        outcomes.add((*story.stages(), story.view().current.stages[0].reason))

    assert outcomes == {(FAILED, PENDING, FULL_DISK)}


def test_a_crash_after_the_last_verdict_is_of_the_last_stage(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.second(), PASSED)

    story.say(story.second().towards(success=True), FULL_DISK, CRASHED_KEY)

    assert story.stages() == [COMPLETED, FAILED]


def test_a_crash_after_a_lost_verdict_is_known_by_the_delivery(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(tag=9), RECEIVED)

    story.say(story.second(tag=9), FULL_DISK, CRASHED_KEY)

    assert story.stages() == [FAILED, PENDING]


def test_a_crash_of_a_stage_that_was_never_heard_is_of_that_stage(ctx: Context) -> None:
    story = Story.begin(ctx)

    story.say(story.second(), "timeout", CRASHED_KEY)

    assert story.stages() == [COMPLETED, FAILED]


def test_a_blame_is_taken_back_when_the_later_stage_turns_out_to_have_crashed(ctx: Context) -> None:
    """The crash of the second stage overtook what the first still had to say."""
    story = Story.begin(ctx)
    story.say(story.first(), PASSED)
    story.say(story.second(), "timeout", CRASHED_KEY)
    assert story.stages() == [FAILED, PENDING]

    story.say(story.second(tag=1), UPLOADED)

    assert story.stages() == [COMPLETED, FAILED]
    assert story.view().current.stages[1].reason == "timeout"
    story.say(story.second(), RECEIVED)
    assert story.stages() == [COMPLETED, FAILED]
    assert story.view().requeue_count == 0


def test_within_a_run_the_first_final_result_of_a_stage_wins(ctx: Context) -> None:
    story = Story.begin(ctx)
    for tag in (1, 2):
        story.say(story.first(tag), RECEIVED)
    story.say(story.first(1).towards(success=False), UPLOADED)

    story.say(story.first(2).towards(success=True), UPLOADED)

    assert story.stages() == [FAILED, PENDING]


def test_a_task_received_again_is_a_new_run_and_a_requeue(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.pass_first()
    story.say(story.second(), RECEIVED)

    story.say(story.second(tag=3), RECEIVED)

    assert story.stages() == [COMPLETED, RUNNING]
    assert (story.view().current.run, story.view().requeue_count, story.causes()) == (2, 1, ["node_lost"])


def test_an_equal_body_without_the_flag_is_a_second_event_in_earnest(ctx: Context) -> None:
    story = Story.begin(ctx)

    for _ in range(3):
        story.say(story.first(), RECEIVED)

    assert story.view().requeue_count == 2


def test_a_task_received_again_after_a_crash_was_requeued_for_the_crash(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)
    story.say(story.first(), "timeout", CRASHED_KEY)

    story.say(story.first(tag=2), RECEIVED)

    assert story.stages() == [RUNNING, PENDING]
    assert story.causes() == ["crash"]


def test_the_crash_of_a_node_that_had_lost_the_task_fails_nobody_elses_run(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(tag=1), RECEIVED)
    story.say(story.first(tag=2), RECEIVED)

    story.say(story.first(tag=1), "connection lost", CRASHED_KEY)

    assert story.stages() == [RUNNING, PENDING]


def test_a_late_task_received_of_the_run_that_has_ended_counts_but_undoes_nothing(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(tag=1), RECEIVED)
    story.say(story.first(tag=2), NOT_PASSED)
    story.say(story.first(tag=2).towards(success=False), UPLOADED)

    story.say(story.first(tag=2), RECEIVED)

    assert story.stages() == [FAILED, PENDING]
    assert story.view().requeue_count == 1


def test_a_requeue_notice_and_the_task_received_that_follows_it_are_one_requeue(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)
    reports.note_requeue(ctx, ORCHESTRATOR, story.task_id)

    story.say(story.first(tag=2), RECEIVED)

    assert (story.view().requeue_count, story.causes()) == (1, ["orchestrator"])


def test_a_duplicate_is_what_is_delivered_again_and_was_applied_before(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)

    again = story.say(story.first(), RECEIVED, redelivered=True)
    never_applied = story.say(story.first(tag=5), RECEIVED, redelivered=True)

    assert (again, never_applied) == (Applied(0, 1, 0), Applied(1, 0, 0))
    assert story.view().requeue_count == 1


def test_what_was_applied_is_remembered_for_a_week(ctx: Context, clock: Clock) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)
    clock.advance(days=6)
    sweep.expire(ctx)
    assert story.say(story.first(), RECEIVED, redelivered=True).repeated == 1

    clock.advance(days=2)
    sweep.expire(ctx)

    with ctx.db.transaction() as session:
        assert session.scalars(select(AppliedReport)).all() == []


def test_a_batch_that_is_tried_again_after_an_unknown_outcome_has_its_effect_once(ctx: Context) -> None:
    story = Story.begin(ctx)
    batch = [read_report(story.first().write(RECEIVED), LOG_KEY) for _ in range(2)]
    reports.apply_reports(ctx, ORCHESTRATOR, batch)

    again = reports.apply_reports(ctx, ORCHESTRATOR, batch, again=True)

    assert again == Applied(0, 2, 0)
    assert story.view().requeue_count == 1


def test_two_listeners_with_the_same_report_in_hand_apply_it_once(ctx: Context) -> None:
    story = Story.begin(ctx)
    read = read_report(story.first().write(RECEIVED), LOG_KEY, redelivered=True)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: reports.apply_reports(ctx, ORCHESTRATOR, [read]), range(8)))

    assert sum(batch.applied for batch in done) == 1
    assert story.view().requeue_count == 0


def test_reports_of_an_older_attempt_are_history(ctx: Context) -> None:
    story = Story.begin(ctx)
    story.say(story.first(), RECEIVED)
    story.say(story.first(), "timeout", CRASHED_KEY)
    requeues.requeue(ctx, story.world.monitor, story.task_id)

    story.say(story.second().towards(success=True), None, DONE_KEY)
    story.say(story.first(tag=8), RECEIVED)

    assert story.stages() == [PENDING, PENDING]
    assert story.view().requeue_count == 1
    assert [line.attempt for line in story.view().logs if line.message == RECEIVED] == [1, 1]
    story.messages = bodies(ctx, story.task_id)
    story.say(story.first(tag=9, attempt=2), RECEIVED)
    assert story.stages() == [RUNNING, PENDING]


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


def test_what_was_not_acknowledged_is_a_duplicate_even_if_the_broker_does_not_say_so(ctx: Context) -> None:
    """RabbitMQ 3.10 forgets after a restart to mark what it hands out again."""
    story = Story.begin(ctx)
    taken = [read_report(story.first().write(RECEIVED), LOG_KEY)]
    reports.apply_reports(ctx, ORCHESTRATOR, taken, held=True)

    handed_out_again = reports.apply_reports(ctx, ORCHESTRATOR, taken, held=True)

    assert handed_out_again == Applied(applied=0, repeated=1, parked=0)
    assert requeue_count(ctx, story.task_id) == 0


def test_the_same_words_after_their_acknowledgement_are_another_event(ctx: Context) -> None:
    """A node that is started anew counts its deliveries from one again."""
    story = Story.begin(ctx)
    taken = [read_report(story.first().write(RECEIVED), LOG_KEY)]
    counted = []

    for _ in range(2):
        reports.apply_reports(ctx, ORCHESTRATOR, taken, held=True)
        reports.apply_reports(ctx, ORCHESTRATOR, taken, held=True)
        reports.note_acknowledged(ctx, ORCHESTRATOR, taken)
        counted.append(requeue_count(ctx, story.task_id))

    assert counted == [0, 1]


def requeue_count(ctx: Context, task_id: int) -> int:
    with ctx.db.transaction() as session:
        return session.scalars(select(TaskMetrics.requeue_count).where(TaskMetrics.task_id == task_id)).one()
