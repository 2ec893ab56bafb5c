"""The figures that rules are held against. None of them is taken while a transaction changes anything."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import text

from core.context import PLATFORM, Context
from core.services import monitoring
from core.services.alerts.rules import Rule
from core.services.monitoring import Components
from core.vocabulary import AlertKind

EASE = 0.8
"""Only below this part of its threshold is a value calm again, so that nothing opens and closes by turns."""

RECENT = timedelta(hours=1)
LONGEST_SILENCE = timedelta(days=1)
USUAL = timedelta(weeks=4)
_SIGMAS = 3.0
"""So many standard deviations away from the usual share a share is no chance any more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure held against its rule. Neither `holds` nor `calm`: in between, all stays as it is.

    `lasts`: the threshold is the time that it must have held, and its value is that time.
    """

    subject: str
    value: float
    threshold: float
    holds: bool
    calm: bool
    lasts: bool = False


def above(value: float, threshold: float, subject: str = "") -> Reading:
    """A value that should not be above its threshold."""
    return Reading(subject, value, threshold, holds=value > threshold, calm=value <= EASE * threshold)


def state(subject: str, threshold: float, *, holds: bool) -> Reading:
    """Something that is so or not, and is worth a word when it has been so for `threshold` minutes."""
    return Reading(subject, 0.0, threshold, holds=holds, calm=not holds, lasts=True)


class Figures:
    """What one evaluation has measured; each figure for all courses at once, when first asked for."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._moments: dict[str, dict[int | None, datetime]] = {}
        self._recent: dict[int | None, tuple[int, int]] | None = None
        self._components: Components | None = None

    def read(self, rule: Rule, usual: tuple[int, int] | None = None) -> Sequence[Reading] | None:
        """The readings of `rule`; None: it cannot be told now. `usual`: (failed, ended) of the past."""
        if rule.kind is AlertKind.FAILURES:
            return [judge(rule, self.recent(rule.course_id), usual or (0, 0))]
        return _READERS[rule.kind](self, rule)

    def recent(self, course_id: int | None) -> tuple[int, int]:
        """Tasks that failed, and that ended, within the last hour."""
        if self._recent is None:
            now = self._ctx.now()
            self._recent = count_ended(self._ctx, None, now - RECENT, now)
        return total(self._recent, course_id)

    def waiting(self, rule: Rule) -> Sequence[Reading]:
        """Since when the oldest waiting task waits."""
        oldest = self._pick(_WAITING, rule.course_id, min)
        return [above(self._minutes(oldest), rule.threshold)]

    def silence(self, rule: Rule) -> Sequence[Reading]:
        """Since when nothing was heard of what runs."""
        running = self._pick(_RUNNING, rule.course_id, max)
        if running is None:
            return [above(0, rule.threshold)]
        ended = self._pick(_ENDED, rule.course_id, max)
        return [above(self._minutes(running if ended is None else max(running, ended)), rule.threshold)]

    def parked(self, rule: Rule) -> Sequence[Reading]:
        """How many reports wait; one of no course counts for the whole only."""
        with self._ctx.db.transaction() as session:
            value = session.scalar(text(_PARKED), {"course_id": rule.course_id}) or 0
        holds = value >= rule.threshold
        return [Reading("", value, rule.threshold, holds=holds, calm=not holds)]

    def no_consumer(self, rule: Rule) -> Sequence[Reading] | None:
        """The queues in which tasks lie and that nobody takes from."""
        components = self._systems()
        if "broker" in components.errors:
            return None
        return [state(queue.name, rule.threshold, holds=queue.is_stalled) for queue in components.queues]

    def routing(self, rule: Rule) -> Sequence[Reading]:
        """The bindings that take tasks to a queue that does not serve their key."""
        return [state(stray, rule.threshold, holds=True) for stray in self._systems().stray_bindings]

    def worker(self, rule: Rule) -> Sequence[Reading]:
        """The worker, when it is missing or one of its loops is silent."""
        return [state("worker", rule.threshold, holds="worker" in self._systems().errors)]

    def crash_loop(self, rule: Rule) -> Sequence[Reading]:
        """How many tasks crash again and again."""
        with self._ctx.db.transaction() as session:
            value = session.scalar(text(_CRASH_LOOPS), {"course_id": rule.course_id}) or 0
        holds = value >= rule.threshold
        return [Reading("", value, rule.threshold, holds=holds, calm=not holds)]

    def unreachable(self, rule: Rule) -> Sequence[Reading]:
        """The systems that do not answer."""
        errors = self._systems().errors
        return [state(name, rule.threshold, holds=name in errors) for name in ("files", "broker")]

    def writes(self, rule: Rule) -> Sequence[Reading]:
        """Since when the oldest file could not be written."""
        return [above(self._minutes(self._pick(_UNWRITTEN, rule.course_id, min)), rule.threshold)]

    def disk(self, rule: Rule) -> Sequence[Reading] | None:
        """What is left of the disk of the embedded file server; FTP itself cannot say what is free."""
        if not self._ctx.settings.embedded_ftp:
            return []
        usage = shutil.disk_usage(self._ctx.settings.data_dir)
        free = 100 * usage.free / usage.total
        return [
            Reading("", free, rule.threshold, holds=free < rule.threshold, calm=free >= rule.threshold / EASE)
        ]

    def _systems(self) -> Components:
        if self._components is None:
            self._components = monitoring.read_components(self._ctx, PLATFORM)
        return self._components

    def _pick(
        self, query: str, course_id: int | None, which: Callable[[Iterable[datetime]], datetime]
    ) -> datetime | None:
        if query not in self._moments:
            values = {"since": self._ctx.now() - LONGEST_SILENCE} if ":since" in query else {}
            with self._ctx.db.transaction() as session:
                self._moments[query] = {row[0]: row[1] for row in session.execute(text(query), values)}
        found = self._moments[query]
        if course_id is not None:
            return found.get(course_id)
        return which(found.values()) if found else None

    def _minutes(self, moment: datetime | None) -> float:
        return 0.0 if moment is None else (self._ctx.now() - moment).total_seconds() / 60


_READERS: Mapping[AlertKind, Callable[[Figures, Rule], Sequence[Reading] | None]] = MappingProxyType(
    {
        AlertKind.WAITING: Figures.waiting,
        AlertKind.SILENCE: Figures.silence,
        AlertKind.PARKED: Figures.parked,
        AlertKind.NO_CONSUMER: Figures.no_consumer,
        AlertKind.UNREACHABLE: Figures.unreachable,
        AlertKind.WRITES: Figures.writes,
        AlertKind.DISK: Figures.disk,
        AlertKind.ROUTING: Figures.routing,
        AlertKind.WORKER: Figures.worker,
        AlertKind.CRASH_LOOP: Figures.crash_loop,
    }
)


def judge(rule: Rule, recent: tuple[int, int], usual: tuple[int, int]) -> Reading:
    """Hold the failures of the last hour against those of the past; each as (failed, ended).

    Out of the ordinary is a share above `threshold` times the usual one, and further away from it than
    chance explains. Where most work fails anyhow, half-way from the usual share to all of it will do.
    """
    failed, ended = recent
    if ended < rule.least or usual[1] < rule.least:
        return Reading("", 0.0, 100.0, holds=False, calm=True)
    past = (usual[0] + 1) / (usual[1] + 2)  # the rule of succession: no past is quite without failures
    share = failed / ended
    limit = min(rule.threshold * past, (1 + past) / 2)
    by_chance = past + _SIGMAS * math.sqrt(past * (1 - past) / ended)
    limit = max(limit, min(by_chance, (1 + past) / 2))
    return Reading("", 100 * share, 100 * limit, holds=share > limit, calm=share <= EASE * limit)


def count_ended(
    ctx: Context, course_id: int | None, since: datetime, until: datetime
) -> dict[int | None, tuple[int, int]]:
    """Course → tasks that failed, and that ended, at `since` < moment ≤ `until`, by their current attempts.

    `course_id` None: of all courses.
    """
    values = {"course_id": course_id, "since": since, "until": until}
    with ctx.db.transaction() as session:
        return {row[0]: (row[1], row[2]) for row in session.execute(text(_VERDICTS), values)}


def total(counts: Mapping[int | None, tuple[int, int]], course_id: int | None) -> tuple[int, int]:
    """(failed, ended) of a course, or of all of them when it is None."""
    if course_id is not None:
        return counts.get(course_id, (0, 0))
    return sum(failed for failed, _ended in counts.values()), sum(ended for _failed, ended in counts.values())


_VERDICTS = """
SELECT s.course_id, count(*) FILTER (WHERE t.status_id = 4), count(*)
FROM task_attempt a
JOIN task t ON t.id = a.task_id AND t.current_attempt = a.number AND t.status_id IN (3, 4)
JOIN assignment s ON s.id = t.assignment_id
WHERE a.id IN (SELECT attempt_id FROM task_stage_status WHERE ended_at >= :since)
    AND a.ended_at > :since AND a.ended_at <= :until
    AND (CAST(:course_id AS bigint) IS NULL OR s.course_id = :course_id)
GROUP BY s.course_id
"""

_UNDER_WAY = """
FROM task t
JOIN task_attempt a ON a.task_id = t.id AND a.number = t.current_attempt
JOIN task_stage_status st ON st.attempt_id = a.id
JOIN assignment s ON s.id = t.assignment_id
"""

_WAITING = f"""
SELECT course_id, min(queued) FROM (
    SELECT t.id, s.course_id, bool_or(st.status_id = 2) AS runs,
        min(st.queued_at) FILTER (WHERE st.status_id = 1) AS queued
    {_UNDER_WAY}
    WHERE t.status_id IN (1, 2) GROUP BY t.id, s.course_id
) tasks
WHERE NOT runs AND queued IS NOT NULL GROUP BY course_id
"""

_RUNNING = f"""
SELECT s.course_id, max(greatest(st.started_at, said.logged_at))
{_UNDER_WAY}
LEFT JOIN LATERAL (
    SELECT logged_at FROM task_log l WHERE l.task_id = t.id AND l.source = 'orchestrator'
    ORDER BY l.id DESC LIMIT 1
) said ON true
WHERE t.status_id IN (1, 2) AND st.status_id = 2 GROUP BY s.course_id
"""

_ENDED = """
SELECT s.course_id, max(st.ended_at)
FROM task_stage_status st JOIN task t ON t.id = st.task_id JOIN assignment s ON s.id = t.assignment_id
WHERE st.ended_at >= :since GROUP BY s.course_id
"""

_PARKED = """
SELECT count(*)
FROM parked_report p LEFT JOIN task t ON t.id = p.task_id LEFT JOIN assignment s ON s.id = t.assignment_id
WHERE p.applied_at IS NULL AND p.discarded_at IS NULL
    AND (CAST(:course_id AS bigint) IS NULL OR s.course_id = :course_id)
"""

_CRASH_LOOPS = """
SELECT count(*)
FROM task_attempt a JOIN task t ON t.id = a.task_id JOIN assignment s ON s.id = t.assignment_id
WHERE a.crash_loop_at IS NOT NULL AND a.closed_at IS NULL AND a.number = t.current_attempt
    AND t.status_id <> 3
    AND (CAST(:course_id AS bigint) IS NULL OR s.course_id = :course_id)
"""

_UNWRITTEN = """
SELECT course_id, min(since) FROM (
    SELECT s.course_id, t.creation_timestamp AS since
    FROM original_bytes b JOIN task t ON t.id = b.task_id JOIN assignment s ON s.id = t.assignment_id
    UNION ALL
    SELECT s.course_id, a.created_at
    FROM task_attempt a JOIN task t ON t.id = a.task_id JOIN assignment s ON s.id = t.assignment_id
    WHERE a.copied_at IS NULL AND a.closed_at IS NULL AND a.copy_error IS NOT NULL
) files
GROUP BY course_id
"""
