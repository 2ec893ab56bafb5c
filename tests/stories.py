"""A task of two stages and what nodes say about it, for tests of reports."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select

from core.context import ORCHESTRATOR, Context
from core.models import OutboxMessage, RequeueEvent, TaskAttempt
from core.services import reports, submissions
from core.services.reports import Applied
from core.vocabulary import StageStatus
from core.wire import LOG_KEY
from core.wire.reports import read_report
from tests import builders
from tests.node_reports import (
    ACKNOWLEDGED,
    DOWNLOADED,
    NOT_PASSED,
    PASSED,
    RECEIVED,
    SENT,
    UPLOADED,
    Carried,
)


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
