"""One round: load and faults at once, recovery, and a recount of everything."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg2
import psycopg2.extensions

from tests.chaos.checks import recount
from tests.chaos.faults import run_faults
from tests.chaos.figures import check_figures
from tests.chaos.load import Load, People, wait_until_ready
from tests.chaos.logs import LogPositions
from tests.chaos.recount import KEY_PREFIX, Evidence
from tests.chaos.schedule import Schedule
from tests.chaos.world import World

LOOK_SECONDS = 0.1

CALM_LOOKS = 5
"""So often in a row nothing may be under way: a request may still be at work whose client has gone away."""

SETTLED_WITHIN = 120.0
"""Seconds after the last fault within which every task must have ended."""

_UNSETTLED = """
SELECT t.submit_key, t.id, t.status_id, t.stored_at, a.copied_at, a.published_at, a.copy_error
FROM task t JOIN task_attempt a ON a.task_id = t.id AND a.closed_at IS NULL
WHERE t.submit_key = ANY(%s) AND (a.published_at IS NULL OR t.stored_at <> 'ftp' OR t.status_id IN (1, 2))
"""


@dataclass
class Result:
    """What a round has done and found."""

    schedule: Schedule
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0

    def explain(self) -> str:
        """Return what went wrong, what was done to the installation, and how to do it again."""
        seed, kind = self.schedule.seed, self.schedule.kind
        lines = [*self.problems[:40], str(self.schedule)]
        lines.append(f"again: make chaos ROUNDS=1 SEED={seed} KIND={kind} MOST={self.counts['most']}")
        return "\n".join(lines)


def run_round(world: World, people: People, schedule: Schedule, *, most: int) -> Result:
    """Run `schedule` in `world`, wait until all has settled, and count again."""
    result = Result(schedule)
    result.counts["most"] = most
    began, positions = time.monotonic(), LogPositions(world.logs)
    prefix = f"{KEY_PREFIX}{schedule.seed}-{secrets.token_hex(3)}"
    load = Load(world, people, schedule, prefix)
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(load.run, began)
        result.problems += run_faults(world, schedule, began)
        result.problems += wait_until_ready(world)
        result.problems += answers.result()
    with load, connected(world) as connection:
        result.problems += _wait_until_settled(connection, load)
        evidence = Evidence(connection, world.ftp_url, load.book, world.ledgers)
        result.problems += recount(evidence)
        if not result.problems:
            result.problems += check_figures(evidence, world.installation.api, people)
        result.problems += [f"log: {line}" for line in positions.unforeseen(world.logs)]
        _count(result, evidence)
    world.book += load.book
    result.seconds = time.monotonic() - began
    return result


@contextlib.contextmanager
def connected(world: World) -> Iterator[psycopg2.extensions.connection]:
    """Connect to the database of the installation, past every proxy."""
    connection = psycopg2.connect(world.dsn)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


def _wait_until_settled(connection: psycopg2.extensions.connection, load: Load) -> list[str]:
    """Wait until each task has ended and nothing more comes; return those that have not in time."""
    silent = {one.key: one for one in load.book if one.is_played and not one.task_ids}
    deadline, calm = time.monotonic() + SETTLED_WITHIN, 0
    while calm < CALM_LOOKS:
        with connection.cursor() as cursor:
            cursor.execute(_UNSETTLED, ([one.key for one in load.book],))
            waiting = cursor.fetchall()
            cursor.execute("SELECT count(*) FROM queue_message WHERE rejected_at IS NULL")
            (queued,) = cursor.fetchone() or (0,)
        calm = 0 if waiting or queued else calm + 1
        for key, task_id, *_ in waiting:
            if key in silent:  # its client has gone away, and the orchestrator reports all the same
                load.finish(silent[key], task_id)
        if time.monotonic() > deadline:
            return [f"stuck: {row}" for row in waiting] + [f"stuck: {queued} messages in the queue"]
        time.sleep(LOOK_SECONDS)
    return []


def _count(result: Result, evidence: Evidence) -> None:
    book, schedule = evidence.book, result.schedule
    result.counts.update(
        {
            "submissions": len(book),
            "accepted": sum(bool(one.task_ids) for one in book),
            "unanswered": sum(not one.task_ids for one in book),
            "unanswered and kept": sum(not one.task_ids and one.key in evidence.tasks for one in book),
            "tries": sum(len(one.task_ids) + len(one.refused) + one.unsure for one in book),
            "tries without an answer": sum(one.unsure for one in book),
            "callbacks": sum(len(report.answers) for one in book for report in one.reports),
            "requeues": sum(report.kind == "requeue" for one in book for report in one.reports),
            "faults": len(schedule.faults),
        }
    )
    result.counts.update(f"{fault.action} {fault.target}" for fault in schedule.faults)
