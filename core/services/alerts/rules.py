"""What is watched: the rules of each course and of the whole installation, and changing them.

Each has all of its rules from the beginning, with thresholds that suit most; people switch them off and
on and change the thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import exists, literal, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.auth import Right, require
from core.context import Actor, Context
from core.db import notify
from core.errors import NotFound, OutOfBounds
from core.models import AlertRule, AlertTarget, Course
from core.services import audit, topics
from core.services.audit import Deed
from core.vocabulary import AlertKind, AuditAction, TargetForm

ALERTS_TOPIC = "alerts"
"""Wakes the loop that evaluates: a rule was changed."""

DEFAULTS: Mapping[AlertKind, float] = MappingProxyType(
    {
        AlertKind.WAITING: 15,
        AlertKind.FAILURES: 2,
        AlertKind.SILENCE: 30,
        AlertKind.PARKED: 1,
        AlertKind.NO_CONSUMER: 2,
        AlertKind.UNREACHABLE: 2,
        AlertKind.WRITES: 10,
        AlertKind.DISK: 10,
        AlertKind.ROUTING: 5,
        AlertKind.WORKER: 2,
        AlertKind.CRASH_LOOP: 1,
    }
)
"""Thresholds in the unit of each kind (`AlertKind`)."""

BOUNDS: Mapping[AlertKind, tuple[float, float]] = MappingProxyType(
    {
        AlertKind.FAILURES: (1.1, 100),
        AlertKind.SILENCE: (1, 1_440),
        AlertKind.PARKED: (1, 1_000_000),
        AlertKind.CRASH_LOOP: (1, 1_000_000),
        AlertKind.DISK: (1, 90),
    }
)
_MINUTES = (1.0, 10_080.0)

OF_A_COURSE = (
    AlertKind.WAITING,
    AlertKind.FAILURES,
    AlertKind.SILENCE,
    AlertKind.PARKED,
    AlertKind.CRASH_LOOP,
)
"""What can be told apart by course; queues and systems serve all of them."""

LEAST_ENDED = 20
MOST_ENDED = 100_000


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is watched. `course_id` None: over the whole installation.

    `least`: how many must have ended within the hour, and before, for failures to be judged.
    `usual_failed` of `usual_ended` did in the four weeks before, as last counted.
    """

    id: int
    course_id: int | None
    kind: AlertKind
    is_on: bool
    threshold: float
    least: int
    usual_failed: int
    usual_ended: int


def bounds(kind: AlertKind) -> tuple[float, float]:
    """The smallest and the largest threshold of a kind."""
    return BOUNDS.get(kind, _MINUTES)


def list_rules(ctx: Context, actor: Actor, course_id: int | None) -> list[Rule]:
    """The rules of a course, or of the whole installation when `course_id` is None.

    Raises:
        NotSignedIn, NotAllowed, NotFound: for those who teach; the whole for administrators.

    """
    with ctx.db.transaction() as session:
        require_scope(session, actor, Right.READ_ALERTS, course_id)
        ensure_rules(session, ctx)
        found = session.scalars(select(AlertRule).where(AlertRule.course_id.is_not_distinct_from(course_id)))
        rules = {AlertKind(row.kind): view(row) for row in found}
        return [rules[kind] for kind in AlertKind if kind in rules]


def change_rule(
    ctx: Context, actor: Actor, rule_id: int, *, is_on: bool, threshold: float, least: int = LEAST_ENDED
) -> Rule:
    """Switch a rule on or off and set what it is held against. An incident of a rule that is off is over.

    Raises:
        NotAllowed, NotFound: who may is professors of the course; for the whole, administrators.
        OutOfBounds: the threshold or `least`.

    """
    with ctx.db.transaction() as session:
        row = session.get(AlertRule, rule_id, with_for_update=True)
        if row is None:
            require(session, actor, Right.READ_ALERTS)
            raise NotFound(what="rule")
        require_scope(session, actor, Right.MANAGE_ALERTS, row.course_id)
        _check("threshold", threshold, *bounds(AlertKind(row.kind)))
        _check("least", least, 1, MOST_ENDED)
        before = _facts(row)
        row.is_on, row.threshold, row.least = is_on, threshold, least
        deed = Deed(
            AuditAction.ALERT_RULE_CHANGED,
            row.kind,
            course_id=row.course_id,
            before=before,
            after=_facts(row),
        )
        audit.record(session, ctx, actor, deed)
        tell(session, row.course_id)
        notify(session, ALERTS_TOPIC)
        return view(row)


def ensure_rules(session: Session, ctx: Context) -> None:
    """Give every course that has none, and the installation, its rules and its first target."""
    has_rules = exists(select(AlertRule.id).where(AlertRule.course_id == Course.id))
    whole_has = exists(select(AlertRule.id).where(AlertRule.course_id.is_(None)))
    bare = session.scalars(
        union_all(select(Course.id).where(~has_rules), select(literal(None)).where(~whole_has))
    ).all()
    for course_id in bare:
        kinds = tuple(AlertKind) if course_id is None else OF_A_COURSE
        values = [
            {"course_id": course_id, "kind": kind, "threshold": DEFAULTS[kind], "least": LEAST_ENDED}
            for kind in kinds
        ]
        made = session.scalars(
            insert(AlertRule).values(values).on_conflict_do_nothing().returning(AlertRule.id)
        ).all()
        if made:  # else another process has just done it
            session.add(AlertTarget(course_id=course_id, form=TargetForm.KEEPERS, created_at=ctx.now()))
    session.flush()


def require_scope(session: Session, actor: Actor, right: Right, course_id: int | None) -> None:
    """Require `right` in the course; over the whole installation, to be an administrator."""
    if course_id is None:
        require(session, actor, Right.WATCH_INSTALLATION)
    else:
        require(session, actor, right, course_id=course_id)


def tell(session: Session, course_id: int | None) -> None:
    """Let the screens know, when this transaction commits, that alerts have changed."""
    notify(session, topics.MONITORING, *([] if course_id is None else [topics.of_course(course_id)]))


def view(row: AlertRule) -> Rule:
    """What is shown of a row."""
    return Rule(
        row.id,
        row.course_id,
        AlertKind(row.kind),
        row.is_on,
        row.threshold,
        row.least,
        row.usual_failed,
        row.usual_ended,
    )


def _facts(row: AlertRule) -> dict[str, object]:
    return {"is_on": row.is_on, "threshold": row.threshold, "least": row.least}


def _check(field: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise OutOfBounds(field=field, bound=f"≥ {least:g}, ≤ {most:g}")
