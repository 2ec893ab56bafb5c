"""Reports from the broker, applied in batches: one transaction, a handful of statements, however many."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.models import AppliedReport, TaskAttempt
from core.services.reports.effects import Case, apply_meaning, begin_run_if_taken_again, sender
from core.services.reports.held import HeldAttempt, HeldStage, HeldTask, hold
from core.services.reports.moves import settle
from core.services.reports.parking import PutAside, put_aside
from core.services.reports.storing import store
from core.vocabulary import LogLevel, LogSource, ParkReason
from core.wire.meanings import Meaning, Root
from core.wire.reports import Report, Unreadable

_BIGGEST_ID = 2**63 - 1
_ID_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch."""

    applied: int
    repeated: int
    """Duplicates as the contract defines them; they changed nothing."""
    parked: int


def apply_reports(
    ctx: Context,
    actor: Actor,
    reports: Sequence[Report | Unreadable],
    *,
    again: bool = False,
    held: bool = False,
    acknowledged: Sequence[Report | Unreadable] = (),
) -> Applied:
    """Apply `reports` in the order in which they came, all of them in one transaction.

    A duplicate is a report that was delivered again and whose body was dealt with before. That it
    was delivered again the broker says, or it was not acknowledged: RabbitMQ 3.10 after a restart
    hands out again without saying so. With `held` the caller acknowledges `reports` afterwards and
    says so once the broker has taken note: with the next batch as `acknowledged`, or with
    `note_acknowledged`. With `again` every body that was dealt with before counts as a duplicate:
    the batch is tried a second time after a first whose outcome is unknown. What cannot be applied
    is parked with its reason.

    Raises:
        DatabaseUnavailable: nothing was changed, unless the connection broke during the commit.

    """
    at = ctx.now()
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT)
        _set_acknowledged(session, _digests(acknowledged), is_acknowledged=True)
        fresh = _without_repeated(session, reports, at, again=again, held=held)
        paths = _tasks_of_paths(session, fresh)
        tasks = hold(session, {number for report in fresh if (number := _task_id(report, paths))})
        aside: list[PutAside] = []
        for report in fresh:
            task_id = _task_id(report, paths)
            reason = _apply(tasks.get(task_id or 0), report, at)
            if reason is not None:
                aside.append(PutAside(report, reason, task_id))
        _settle_and_store(session, tasks.values(), at)
        put_aside(session, aside, at)
        return Applied(len(fresh) - len(aside), len(reports) - len(fresh), len(aside))


def note_acknowledged(ctx: Context, actor: Actor, reports: Sequence[Report | Unreadable]) -> None:
    """The broker knows that `reports` are done: the same body once more is another event.

    Raises:
        DatabaseUnavailable: nothing was changed.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT)
        _set_acknowledged(session, _digests(reports), is_acknowledged=True)


def _digests(reports: Iterable[Report | Unreadable]) -> set[bytes]:
    return {report.envelope.digest for report in reports}


def park_report(ctx: Context, actor: Actor, report: Report | Unreadable) -> None:
    """Put a report aside that cannot even be tried: applying it failed in a way that nobody foresaw.

    Raises:
        DatabaseUnavailable: nothing was changed, unless the connection broke during the commit.

    """
    with ctx.db.transaction() as session:
        require(session, actor, Right.REPORT)
        if _without_repeated(session, [report], ctx.now(), again=True):
            put_aside(session, [PutAside(report, ParkReason.REFUSED, _task_id(report, {}))], ctx.now())


def apply_one(session: Session, report: Report | Unreadable, at: datetime) -> ParkReason | None:
    """Apply a single report in the caller's transaction; why not, where that cannot be done."""
    task_id = _task_id(report, _tasks_of_paths(session, [report]))
    tasks = hold(session, {task_id} if task_id else set())
    reason = _apply(tasks.get(task_id or 0), report, at)
    if reason is None:
        _settle_and_store(session, tasks.values(), at)
    return reason


def _settle_and_store(session: Session, tasks: Collection[HeldTask], at: datetime) -> None:
    for task in tasks:
        current = task.attempt()
        if current is not None:
            settle(task, current, at=at)
    store(session, tasks, at=at)


def _without_repeated(
    session: Session,
    reports: Sequence[Report | Unreadable],
    at: datetime,
    *,
    again: bool,
    held: bool = False,
) -> list[Report | Unreadable]:
    """Those that are to be applied; the digests of all are remembered.

    The insertion decides, so that two listeners who are handed the same report wait for each other.
    """
    digests = sorted(_digests(reports))
    values = {"digests": digests, "applied_at": at, "is_acknowledged": not held}
    new = {bytes(digest) for digest in session.scalars(text(_REMEMBER), values)}
    known, in_batch = set(digests) - new, set[bytes]()
    in_hand = _unacknowledged(session, known)
    fresh = []
    for report in reports:
        digest = report.envelope.digest
        if digest in known and (again or report.envelope.redelivered or digest in in_hand):
            continue
        if digest in in_batch and report.envelope.redelivered:
            continue
        in_batch.add(digest)
        fresh.append(report)
    if held:
        _set_acknowledged(session, known & in_batch, is_acknowledged=False)
    return fresh


def _unacknowledged(session: Session, digests: Collection[bytes]) -> set[bytes]:
    if not digests:
        return set()
    query = select(AppliedReport.digest).where(
        AppliedReport.digest == func.any(sorted(digests)), ~AppliedReport.is_acknowledged
    )
    return set(session.scalars(query))


def _set_acknowledged(session: Session, digests: Collection[bytes], *, is_acknowledged: bool) -> None:
    if digests:
        values = {"digests": sorted(digests), "is_acknowledged": is_acknowledged}
        session.execute(text(_ACKNOWLEDGE), values)


_REMEMBER = """
INSERT INTO applied_report (digest, applied_at, is_acknowledged)
SELECT digest, :applied_at, :is_acknowledged FROM unnest(CAST(:digests AS bytea[])) AS digest
ON CONFLICT DO NOTHING RETURNING digest
"""

_ACKNOWLEDGE = """
WITH locked AS (
    SELECT digest FROM applied_report WHERE digest = ANY(CAST(:digests AS bytea[]))
    ORDER BY digest FOR NO KEY UPDATE
)
UPDATE applied_report SET is_acknowledged = :is_acknowledged FROM locked
WHERE applied_report.digest = locked.digest
"""


def _task_id(report: Report | Unreadable, paths: Mapping[str, int]) -> int | None:
    """The task that a report names, by its id or else by its file."""
    named = report.task_id
    if not named:
        return paths.get(report.file_path)
    if not named.isascii() or not named.isdigit() or len(named) > _ID_DIGITS:
        return None
    number = int(named)
    return number if 0 < number <= _BIGGEST_ID else None


def _tasks_of_paths(session: Session, reports: Collection[Report | Unreadable]) -> dict[str, int]:
    paths = {report.file_path for report in reports if report.file_path and not report.task_id}
    if not paths:
        return {}
    attempts = session.execute(
        select(TaskAttempt.file_path, TaskAttempt.task_id).where(
            TaskAttempt.file_path == func.any(sorted(paths))
        )
    )
    return {attempt.file_path: attempt.task_id for attempt in attempts}


def _apply(task: HeldTask | None, report: Report | Unreadable, at: datetime) -> ParkReason | None:
    """Apply one report in memory; why not, where that cannot be done."""
    if isinstance(report, Unreadable):
        return report.reason
    if task is None:
        return ParkReason.UNKNOWN_TASK
    attempt = _attempt(task, report)
    if attempt is None:
        return ParkReason.UNKNOWN_ATTEMPT
    if report.root is Root.STAGE and report.depth > len(attempt.stages):
        return ParkReason.UNKNOWN_STAGE
    case = Case(task, attempt, report, at)
    is_live = not attempt.is_closed
    if is_live:
        attempt.hear()
        begin_run_if_taken_again(case)
    stage = sender(case)
    _write_line(case, stage)
    if is_live:
        apply_meaning(case, stage)
    return None


def _attempt(task: HeldTask, report: Report) -> HeldAttempt | None:
    """The attempt whose file the report names; the only one where the name was lost."""
    if report.file_path:
        return task.attempt_at(report.file_path)
    return task.attempts[0] if len(task.attempts) == 1 else None


def _write_line(case: Case, stage: HeldStage | None) -> None:
    report = case.report
    is_bad = report.text.is_bad_news or report.meaning in {Meaning.CRASH, Meaning.STAGE_FAILED}
    case.task.note(
        case.attempt,
        report.message or report.envelope.key,
        stage=stage,
        level=LogLevel.ERROR if is_bad else LogLevel.INFO,
        source=LogSource.ORCHESTRATOR,
    )
