"""What speaks for and against the grader: how different failures are, who passes, and what was before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from core.context import Actor, Context
from core.first_error import is_summary, without_place
from core.models import Assignment, DefinitionStage, Task, TaskAttempt, TaskDefinition, TaskStageStatus
from core.services.explanations import Owner, explain
from core.services.monitoring.failures import FailureGroup, Failures
from core.services.monitoring.scope import Scope
from core.services.monitoring.standing import has_passed_since, standing
from core.services.monitoring.verdicts import Verdicts, verdicts_within
from core.vocabulary import FailedBy, StageStatus

FEW = 5
"""With fewer failures than this nothing is said about their cause."""
LARGE_SHARE = 0.5
FAILURES_READ = 200
"""The latest open failures of a cause that are compared one by one."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the open failures of a scope and of the largest cause among them.

    `failures` of `causes` causes are open; `of_platform` and `untold` of them are explained by the
    platform, or by nothing that the output tells. Of the largest cause: its failures, distinct students,
    and an example; of its latest `read` failures the students, and how many different texts they got, names
    of files and lines aside. `passed_since` of `ended_since` tasks with the same definition passed from the
    first of these failures on, `passed_before` of `ended_before` in a window of the same length before
    the scope's. `passed_earlier` of the students read had passed the same assignment earlier.
    `crashes` and `queue`: of the latest crashes, how many came from the queue with the most.
    """

    failures: int = 0
    causes: int = 0
    of_platform: int = 0
    untold: int = 0
    largest: int = 0
    students: int = 0
    example: str = ""
    is_container: bool = False
    definition: str = ""
    read: int = 0
    students_read: int = 0
    texts: int = 0
    passed_since: int = 0
    ended_since: int = 0
    passed_before: int = 0
    ended_before: int = 0
    passed_earlier: int = 0
    crashes: int = 0
    crashes_read: int = 0
    queue: str = ""


def gather_evidence(
    ctx: Context, actor: Actor, scope: Scope, verdicts: Verdicts, failures: Failures
) -> Evidence:
    """Return what is known of the open failures of `scope`, whose causes are `failures`.

    Single failures are compared only where many of those that ended failed.

    Raises:
        NotSignedIn, NotAllowed, NotFound: as for every figure.

    """
    groups = [group for group in failures.groups if group.open]
    if not groups:
        return Evidence()
    largest = max(groups, key=lambda group: group.open)
    owners = {group.id: explain(group.example).owner for group in groups}
    evidence = Evidence(
        failures=sum(group.open for group in groups),
        causes=len(groups),
        of_platform=sum(group.open for group in groups if owners[group.id] is Owner.PLATFORM),
        untold=sum(group.open for group in groups if not group.example or is_summary(group.example)),
        largest=largest.open,
        students=largest.students,
        example=largest.example,
        is_container=owners[largest.id] is Owner.CONTAINER,
    )
    failed = min(verdicts.failed, evidence.failures)
    with ctx.db.transaction() as session:
        if is_mostly(verdicts.crashed, failed):
            return _with_crashes(session, actor, scope, evidence)
        if is_mostly(failed, verdicts.ended):
            return _with_largest(session, actor, scope, largest, evidence, now=ctx.now())
    return evidence


def is_mostly(part: int, whole: int) -> bool:
    """Return whether `part` is more than a few and more than half of `whole`."""
    return part >= FEW and part > LARGE_SHARE * whole


def _with_largest(
    session: Session, actor: Actor, scope: Scope, group: FailureGroup, evidence: Evidence, *, now: datetime
) -> Evidence:
    rows = _latest(session, actor, scope, group)
    if not rows:
        return evidence
    definition_id, _ = Counter(row.definition_id for row in rows).most_common(1)[0]
    since = max(group.first_seen, scope.since) if scope.since else group.first_seen
    students = len({row.created_by_id for row in rows})
    of_definition = replace(scope, definition_id=definition_id)
    meanwhile = verdicts_within(session, actor, replace(of_definition, since=since))
    window = _before(scope, now)
    before = (
        verdicts_within(session, actor, replace(of_definition, since=window[0], until=window[1]))
        if window
        else Verdicts(0, 0, 0)
    )
    return replace(
        evidence,
        definition=session.get_one(TaskDefinition, definition_id).definition_name,
        students=group.students if len(rows) == FAILURES_READ else students,
        read=len(rows),
        students_read=students,
        texts=len({without_place(row.reason or "") for row in rows}),
        passed_since=meanwhile.passed,
        ended_since=meanwhile.ended,
        passed_before=before.passed,
        ended_before=before.ended,
        passed_earlier=_passed_earlier(session, [row.id for row in rows]),
    )


def _latest(session: Session, actor: Actor, scope: Scope, group: FailureGroup) -> Sequence[Any]:
    columns = select(Task.id, Task.created_by_id, TaskStageStatus.reason, Assignment.definition_id)
    return session.execute(
        standing(session, actor, scope, columns.select_from(TaskStageStatus))
        .where(TaskStageStatus.failure_key == group.id, ~has_passed_since())
        .order_by(TaskStageStatus.ended_at.desc(), Task.id.desc())
        .limit(FAILURES_READ)
    ).all()


def _before(scope: Scope, now: datetime) -> tuple[datetime, datetime] | None:
    """Return the window of the same length before the scope's; None where that has no beginning."""
    if scope.since is None:
        return None
    return scope.since - ((scope.until or now) - scope.since), scope.since


def _passed_earlier(session: Session, task_ids: Sequence[int]) -> int:
    earlier = aliased(Task)
    passed = exists().where(
        earlier.assignment_id == Task.assignment_id,
        earlier.created_by_id == Task.created_by_id,
        earlier.id < Task.id,
        earlier.status_id == StageStatus.COMPLETED,
    )
    students = select(func.count(Task.created_by_id.distinct())).where(Task.id.in_(task_ids), passed)
    return session.scalar(students) or 0


def _with_crashes(session: Session, actor: Actor, scope: Scope, evidence: Evidence) -> Evidence:
    at = (
        DefinitionStage.version_id == TaskAttempt.version_id,
        DefinitionStage.position == TaskStageStatus.position,
    )
    columns = select(DefinitionStage.queue).select_from(TaskStageStatus)
    rows = session.scalars(
        standing(session, actor, scope, columns)
        .join(DefinitionStage, at[0] & at[1])
        .where(TaskStageStatus.failed_by.in_((FailedBy.CRASH, FailedBy.UPLOAD)))
        .order_by(TaskStageStatus.id.desc())
        .limit(FAILURES_READ)
    ).all()
    if not rows:
        return evidence
    queue, count = Counter(rows).most_common(1)[0]
    return replace(evidence, crashes=count, crashes_read=len(rows), queue=queue)
