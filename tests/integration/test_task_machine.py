"""Callbacks in any order against a plain model of contract 1.1: attempts, runs, forward moves only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.auth import Right
from core.context import ORCHESTRATOR, Context
from core.errors import NotFound, NotRequeueable, UnknownStage, UnknownStatus
from core.services import monitoring, reports, requeues, submissions
from core.services.idempotency import Answer, once
from core.services.monitoring import Scope
from core.vocabulary import LogLevel
from tests import builders
from tests.conftest import Clock

STAGES = ("PARSING", "EXECUTION")
PENDING, IN_PROGRESS, COMPLETED, FAILED = range(1, 5)

STATUSES = st.sampled_from([PENDING, IN_PROGRESS, COMPLETED, FAILED])
BODIES = st.dictionaries(st.sampled_from(STAGES), STATUSES, min_size=1)


@dataclass
class Attempt:
    """What the contract says of one attempt, without a database."""

    stages: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, PENDING))
    run: int = 1

    def move(self, body: dict[str, int]) -> None:
        for stage, status in body.items():
            if self.stages[stage] in (PENDING, IN_PROGRESS) and status > self.stages[stage]:
                self.stages[stage] = status

    def open_run(self) -> None:
        self.run += 1
        for stage, status in self.stages.items():
            if status != COMPLETED:
                self.stages[stage] = PENDING

    @property
    def status(self) -> int:
        found = set(self.stages.values())
        if FAILED in found:
            return FAILED
        if found == {COMPLETED}:
            return COMPLETED
        return PENDING if found == {PENDING} else IN_PROGRESS


@dataclass
class Model:
    attempts: list[Attempt] = field(default_factory=lambda: [Attempt()])
    requeues: int = 0

    @property
    def current(self) -> Attempt:
        return self.attempts[-1]

    def is_current(self, number: int | None) -> bool:
        return number is None or number == len(self.attempts)


class TaskMachine(RuleBasedStateMachine):
    """One submission at a time, and everything that can be said about it."""

    ctx: ClassVar[Context]
    world: ClassVar[builders.World]
    clock: ClassVar[Clock]
    made: ClassVar[int] = 0

    @initialize()
    def hand_in(self) -> None:
        type(self).made += 1
        self.number = self.made
        self.task_id = builders.submit(self.ctx, self.world, key=f"key {self.number}").task_id
        self.model = Model()
        self.keys: dict[str, tuple[dict[str, int], Answer]] = {}
        self.lines = len(self.view().logs)

    def view(self) -> submissions.TaskView:
        return submissions.get_task(self.ctx, self.world.monitor, self.task_id)

    def attempt_number(self, age: int | None) -> int | None:
        return None if age is None else max(1, len(self.model.attempts) - age)

    @rule(body=BODIES, age=st.sampled_from([None, 0, 1, 2]), by_name=st.booleans())
    def report(self, body: dict[str, int], age: int | None, by_name: bool) -> None:
        number = self.attempt_number(age)
        words = {
            stage: ("", "PENDING", "IN_PROGRESS", "COMPLETED", "FAILED")[status] if by_name else status
            for stage, status in body.items()
        }

        state = reports.set_stage_statuses(self.ctx, ORCHESTRATOR, self.task_id, words, attempt=number)

        if self.model.is_current(number):
            self.model.current.move(body)
        assert dict(state.stages) == self.model.current.stages
        assert state.attempt == len(self.model.attempts)
        self.expect_more_history()

    @rule(body=BODIES, key=st.sampled_from("abc"))
    def report_under_a_key(self, body: dict[str, int], key: str) -> None:
        own_key = f"{self.number} {key}"
        if key in self.keys:
            body, earlier = self.keys[key]

        def act(inner: Context) -> Answer:
            state = reports.set_stage_statuses(inner, ORCHESTRATOR, self.task_id, body)
            return {"stages": [[name, int(status)] for name, status in state.stages]}

        asked = ["status", self.task_id, body]
        answer = once(self.ctx, ORCHESTRATOR, Right.REPORT_STATUS, act, key=own_key, asked=asked)

        if key in self.keys:
            assert answer == earlier
            return
        self.model.current.move(body)
        assert dict(answer["stages"]) == self.model.current.stages  # type: ignore[call-overload]  # JSON
        self.keys[key] = (body, answer)
        self.expect_more_history()

    @rule(body=BODIES, wrong=st.sampled_from([("NOPE", 3), ("PARSING", 9), ("EXECUTION", "DONE")]))
    def refuse_what_is_unknown(self, body: dict[str, int], wrong: tuple[str, object]) -> None:
        with pytest.raises((UnknownStage, UnknownStatus)):
            reports.set_stage_statuses(self.ctx, ORCHESTRATOR, self.task_id, body | dict([wrong]))

    @rule(body=BODIES)
    def refuse_an_attempt_to_come(self, body: dict[str, int]) -> None:
        with pytest.raises(NotFound):
            reports.set_stage_statuses(
                self.ctx, ORCHESTRATOR, self.task_id, body, attempt=len(self.model.attempts) + 1
            )

    @rule(stage=st.sampled_from(STAGES), level=st.sampled_from(LogLevel))
    def log(self, stage: str, level: LogLevel) -> None:
        reports.add_task_log(self.ctx, ORCHESTRATOR, self.task_id, "line", stage=stage, level=level)

        self.expect_more_history()

    @rule(age=st.sampled_from([None, None, 0, 0, 1]))
    def notice_of_a_requeue(self, age: int | None) -> None:
        number = self.attempt_number(age)

        noted = reports.note_requeue(self.ctx, ORCHESTRATOR, self.task_id, attempt=number)

        if self.model.is_current(number):
            self.model.requeues += 1
            self.model.current.open_run()
        assert noted.requeue_count == self.model.requeues
        self.expect_more_history()

    @precondition(lambda self: self.model.current.status == FAILED)
    @rule()
    def requeue_by_hand(self) -> None:
        done = requeues.requeue(self.ctx, self.world.monitor, self.task_id)

        self.model.attempts.append(Attempt())
        self.model.requeues += 1
        assert (done.attempt, done.requeue_count) == (len(self.model.attempts), self.model.requeues)
        self.expect_more_history()

    @precondition(lambda self: self.model.current.status in (PENDING, IN_PROGRESS))
    @rule(stage=st.sampled_from(STAGES))
    def fail_and_requeue_by_hand(self, stage: str) -> None:
        self.report(body={stage: FAILED}, age=None, by_name=False)
        if self.model.current.status == FAILED:
            self.requeue_by_hand()

    @precondition(lambda self: len(self.model.attempts) > 1)
    @rule(body=BODIES, age=st.sampled_from([1, 2]))
    def report_about_an_older_attempt(self, body: dict[str, int], age: int) -> None:
        self.report(body=body, age=age, by_name=False)

    @precondition(lambda self: len(self.model.attempts) > 1)
    @rule()
    def notice_about_an_older_attempt(self) -> None:
        self.notice_of_a_requeue(age=1)

    @precondition(lambda self: self.model.current.status != FAILED)
    @rule()
    def refuse_to_requeue_what_did_not_fail(self) -> None:
        with pytest.raises(NotRequeueable):
            requeues.requeue(self.ctx, self.world.monitor, self.task_id)

    @rule()
    def time_passes(self) -> None:
        self.clock.moment += timedelta(minutes=3)

    def expect_more_history(self) -> None:
        """Whatever was said, moving something or not, is kept."""
        lines = len(self.view().logs)
        assert lines > self.lines
        self.lines = lines

    @invariant()
    def the_rows_are_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        task = self.view()
        assert len(task.logs) == self.lines
        assert task.summary.status == self.model.current.status
        assert task.summary.attempt == len(task.attempts) == len(self.model.attempts)
        assert task.requeue_count == self.model.requeues
        for attempt, expected in zip(task.attempts, self.model.attempts, strict=True):
            assert {stage.stage_name: stage.status for stage in attempt.stages} == expected.stages
            assert attempt.run == expected.run
            assert (attempt.closed_at is None) == (expected is self.model.current)
            for stage in attempt.stages:
                assert (stage.ended_at is not None) == stage.status.is_final
                assert stage.started_at is not None or stage.status == PENDING

    @invariant()
    def the_figures_count_it_where_it_stands(self) -> None:
        if not hasattr(self, "model"):
            return
        summary = monitoring.summarise(self.ctx, self.world.monitor, Scope())
        assert min(summary.waiting, summary.running, summary.completed, summary.failed) >= 0
        total = summary.waiting + summary.running + summary.completed + summary.failed
        assert total == self.made
        assert summary.requeues >= self.model.requeues


@pytest.fixture
def machine(ctx: Context, clock: Clock) -> type[TaskMachine]:
    """The machine on a fresh database; submissions are never due."""
    patient = ctx.settings.model_copy(update={"max_attempts": 1000})  # the limit has tests of its own
    TaskMachine.ctx, TaskMachine.clock = builders.with_settings(ctx, patient), clock
    TaskMachine.world = builders.world(ctx)
    TaskMachine.made = 0
    return TaskMachine


@pytest.mark.timeout(300)
def test_callbacks_in_any_order_leave_the_rows_that_the_contract_says(machine: type[TaskMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # a trace of 25 steps is read as it is; shrinking it takes minutes
        ),
    )
