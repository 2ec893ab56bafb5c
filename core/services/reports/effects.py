"""What each meaning of a report does to its task.

Facts and inferences are those of the contract, section 2: a report about a stage shows that those
before it are complete; a verdict is final only when something shows that the next decision was
published; the first final result of a stage wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from core.services.reports.held import HeldAttempt, HeldStage, HeldTask
from core.services.reports.moves import complete, fail, move
from core.services.reports.runs import open_run
from core.vocabulary import FailedBy, RequeueCause, StageStatus
from core.wire.meanings import Meaning, Root, Text
from core.wire.reports import Report

REASON_LIMIT = 2_000
"""Characters of a stage's reason for failing that are kept."""

NOT_PASSED = "Task processing completed unsuccessfully"
NO_REASON = "The node crashed and gave no reason"

UNKNOWN_TAG = -1

_TAGS_KEPT = 50
"""Early tags that are remembered per stage; more than one or two are somebody else's numbers."""


@dataclass(frozen=True, slots=True)
class Case:
    """One report and the task that it is about."""

    task: HeldTask
    attempt: HeldAttempt
    report: Report
    at: datetime

    @property
    def index(self) -> int:
        """Position of the root stage; the number of stages where the root is none."""
        return len(self.attempt.stages) - self.report.depth

    @property
    def root_stage(self) -> HeldStage | None:
        """The stage at the root of the tree."""
        return self.attempt.stages[self.index] if self.report.root is Root.STAGE else None

    @property
    def stage_before(self) -> HeldStage | None:
        """The stage before the root."""
        if self.report.root not in {Root.STAGE, Root.DONE} or not self.index:
            return None
        return self.attempt.stages[self.index - 1]


def sender(case: Case) -> HeldStage | None:
    """The stage whose node wrote the report, as far as that can be told."""
    meaning, text = case.report.meaning, case.report.text
    if meaning is Meaning.ALL_COMPLETED:
        return case.attempt.stages[-1]
    if meaning in {Meaning.STAGE_FAILED, Meaning.VERDICT_STANDS}:
        return case.attempt.first_unfinished()
    if meaning is Meaning.HANDED_ON or text is Text.UPLOAD_FAILED:
        return case.stage_before
    if meaning is Meaning.CRASH or text in {Text.CRASHED, Text.REJECTED}:
        return _blame(case)[0]
    return case.root_stage


def begin_run_if_taken_again(case: Case) -> None:
    """Open a new run where a stage is taken that had been taken before; before its line is written."""
    stage = case.root_stage
    if case.report.meaning is not Meaning.TAKEN or stage is None:
        return
    tag = case.report.tag
    if stage.deliveries:
        crashed = stage.failed_by in {FailedBy.CRASH, FailedBy.UPLOAD}
        by_another = stage.status is StageStatus.FAILED and stage.failed_tag != tag
        open_run(
            case.task,
            case.attempt,
            RequeueCause.CRASH if crashed else RequeueCause.NODE_LOST,
            at=case.at,
            stage=stage,
            has_begun=tag in stage.early and not by_another,
        )
    stage.deliveries = [*stage.deliveries, UNKNOWN_TAG if tag is None else tag]
    stage.early = [early for early in stage.early if early != tag]
    stage.changed = True


def apply_meaning(case: Case, stage: HeldStage | None) -> None:
    """Do to the task what the report shows; `stage` is its sender. The caller settles the task."""
    effect = _EFFECTS.get(case.report.meaning)
    if effect is not None:
        _remember_tag(case, stage)
        effect(case)


def _remember_tag(case: Case, stage: HeldStage | None) -> None:
    tag = case.report.tag
    if stage is not None and tag is not None and tag not in stage.deliveries and tag not in stage.early:
        stage.early = [*stage.early, tag][-_TAGS_KEPT:]
        stage.changed = True


def _at_work(case: Case) -> None:
    stage = case.root_stage
    if stage is not None:
        _complete_before(case)
        move(case.attempt, stage, StageStatus.IN_PROGRESS, at=case.at)


def _verdict(case: Case) -> None:
    _at_work(case)
    stage = case.root_stage
    if stage is not None and not stage.status.is_final:
        passed = case.report.meaning is Meaning.PASSED
        stage.verdict = StageStatus.COMPLETED if passed else StageStatus.FAILED
        stage.changed = True


def _handed_on(case: Case) -> None:
    _complete_before(case)


def _verdict_stands(case: Case) -> None:
    stage = case.attempt.first_unfinished()
    if stage is None:
        return
    if stage.verdict is StageStatus.COMPLETED:
        complete(case.task, case.attempt, stage, at=case.at)
    elif stage.verdict is StageStatus.FAILED:
        _fail(case, stage, FailedBy.VERDICT, NOT_PASSED)


def _all_completed(case: Case) -> None:
    for stage in case.attempt.stages:
        complete(case.task, case.attempt, stage, at=case.at)


def _stage_failed(case: Case) -> None:
    """The failure is of the first stage that is not complete; a recorded pass before it is final now."""
    last = case.attempt.stages[-1]
    for stage in case.attempt.stages:
        if stage.status is StageStatus.COMPLETED:
            continue
        if stage.verdict is StageStatus.COMPLETED and stage is not last:
            complete(case.task, case.attempt, stage, at=case.at)
            continue
        _fail(case, stage, FailedBy.VERDICT, NOT_PASSED)
        return


def _crash(case: Case) -> None:
    stage, by = _blame(case)
    if stage is None or _is_of_earlier_run(stage, case.report.tag):
        return
    for before in case.attempt.stages[: stage.position]:
        complete(case.task, case.attempt, before, at=case.at)
    _fail(case, stage, by, case.report.message or NO_REASON)


def _blame(case: Case) -> tuple[HeldStage | None, FailedBy]:
    """Which stage a crash is of, and how that is known.

    After a verdict the tree is already the next one, so a crash whose root stage was never heard,
    while the stage before it has a verdict that is not final yet (or was at work on this very
    delivery), is of the stage before: its files could not be stored.
    """
    own, before = case.root_stage, case.stage_before
    if case.report.root is Root.DONE:
        return before, FailedBy.UPLOAD
    if own is None:
        return case.attempt.first_unfinished(), FailedBy.CRASH
    heard = own.status is not StageStatus.PENDING or own.deliveries
    if before is None or before.status is StageStatus.COMPLETED or heard:
        return own, FailedBy.CRASH
    if before.verdict is not None or case.report.tag in before.deliveries:
        return before, FailedBy.UPLOAD
    return own, FailedBy.CRASH


def _is_of_earlier_run(stage: HeldStage, tag: int | None) -> bool:
    """Whether the node that crashed had lost the task to another one before."""
    return tag in stage.deliveries[:-1] and tag != stage.deliveries[-1]


def _complete_before(case: Case) -> None:
    """The stages before the root are complete.

    Where a crash had been blamed on the last of them, this shows that it was of the root stage,
    unless another delivery than the crashed one is at work there.
    """
    before, own = case.stage_before, case.root_stage
    blamed = before is not None and before.failed_by is FailedBy.UPLOAD
    reason, tag = (before.reason, before.failed_tag) if before is not None else (None, None)
    for stage in case.attempt.stages[: case.index]:
        complete(case.task, case.attempt, stage, at=case.at)
    is_its_own = case.report.meaning is Meaning.HANDED_ON or tag == case.report.tag
    if blamed and own is not None and is_its_own:
        fail(case.attempt, own, FailedBy.CRASH, reason=reason or NO_REASON, tag=tag, at=case.at)


def _fail(case: Case, stage: HeldStage, by: FailedBy, reason: str) -> None:
    fail(
        case.attempt,
        stage,
        by,
        reason=reason[:REASON_LIMIT],
        tag=case.report.tag,
        at=case.at,
    )


_EFFECTS: Mapping[Meaning, Callable[[Case], None]] = MappingProxyType(
    {
        Meaning.TAKEN: _at_work,
        Meaning.AT_WORK: _at_work,
        Meaning.PASSED: _verdict,
        Meaning.NOT_PASSED: _verdict,
        Meaning.HANDED_ON: _handed_on,
        Meaning.VERDICT_STANDS: _verdict_stands,
        Meaning.ALL_COMPLETED: _all_completed,
        Meaning.STAGE_FAILED: _stage_failed,
        Meaning.CRASH: _crash,
    }
)
"""What is not in it moves nothing."""
