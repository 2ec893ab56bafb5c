"""What lists, figures and charts cost at 10,000 and at 1,000,000 submissions (10,000,000 log lines).

    python bench/million.py                            both sizes, in a temporary folder: some 7 GB
    python bench/million.py --folder /var/tmp/million  keeps the rows for the next time
    python bench/million.py --sizes 10000 100000 --only failures

Fills a Postgres of its own per size, has the sweep's roll-ups made, asks every question as those who ask
it do, and prints the slowest twentieth of the times with the ratio of the last size to the first.
"""

from __future__ import annotations

import argparse
import os
import statistics as numbers
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from million_rows import fill
from pydantic import SecretStr
from sqlalchemy import text

from core.config import Settings
from core.context import PLATFORM, Actor, Context
from core.db import Database, utc_now
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.state import _free_port
from core.migrate import upgrade
from core.services import monitoring, reports, statistics, submissions
from core.services.monitoring import Scope
from core.services.submissions import TaskFilter
from core.services.tallies import count_days
from core.storage import open_storage
from core.vocabulary import StageStatus

ROUNDS = 20
FEWEST = 2
PATIENCE_SECONDS = 20.0
"""One question is asked no longer than this altogether."""


@contextmanager
def world(folder: Path, tasks: int) -> Iterator[Context]:
    """A running Postgres with so many submissions; made where the folder has none."""
    server = EmbeddedPostgres(folder / str(tasks) / "postgres", port=_free_port(0), password="bench")  # noqa: S106  ours alone
    with server:
        settings = Settings(
            database_url=SecretStr(server.url()),
            ftp_url=SecretStr("ftp://u:p@127.0.0.1/none"),
            secret_key=SecretStr("bench"),
            callback_token=SecretStr("bench"),
            _env_file=None,
        )
        database = Database(server.url())
        upgrade(database)
        ctx = Context(settings=settings, db=database, storage=open_storage(settings), now=utc_now)
        with database.connect() as connection:
            found = connection.scalar(text("SELECT count(*) FROM task"))
        if not found:
            begun = time.perf_counter()
            fill(ctx, tasks)
            print(f"{tasks} submissions made in {time.perf_counter() - begun:.0f} s", flush=True)
        count_days(ctx, PLATFORM)  # as the sweep does
        yield ctx
        database.dispose()


def questions(ctx: Context) -> dict[str, Callable[[], object]]:
    """Each list and figure, asked as those who use it do: one who teaches three courses, one who sees all."""
    with ctx.db.transaction() as session:
        professor, admin = Actor(user_id=1), Actor(user_id=2, is_admin=True)
        number, course, student = session.execute(
            text(
                "SELECT a.id, a.course_id, t.created_by_id FROM task t"
                " JOIN assignment a ON a.id = t.assignment_id"
                " JOIN course_member m ON m.course_id = a.course_id AND m.user_id = 1"
                " ORDER BY t.id DESC LIMIT 1"
            )
        ).one()
        newest = session.scalar(text("SELECT max(id) FROM task WHERE assignment_id = :id"), {"id": number})
    return {
        **_lists(ctx, (professor, admin, Actor(user_id=student)), course, number),
        "a task with its log": lambda: submissions.get_task(ctx, professor, newest or 0),
        "statistics of an assignment": lambda: statistics.read_statistics(ctx, professor, number),
        **_figures(ctx, professor, "course", course),
        **_figures(ctx, admin, "all", None),
    }


def _lists(
    ctx: Context, people: tuple[Actor, Actor, Actor], course: int, number: int
) -> dict[str, Callable[[], object]]:
    professor, admin, student = people

    def listed(actor: Actor, **wanted: object) -> Callable[[], object]:
        return lambda: submissions.list_tasks(ctx, actor, TaskFilter(**wanted))  # type: ignore[arg-type]  # any filter

    return {
        "list professor": listed(professor),
        "list professor, failed": listed(professor, status=StageStatus.FAILED),
        "list professor, a course": listed(professor, course_id=course),
        "list professor, an assignment": listed(professor, assignment_id=number),
        "list professor, a stage": listed(professor, stage="EXECUTION", status=StageStatus.FAILED),
        "list student": listed(student),
        "list admin": listed(admin),
        "list admin, running": listed(admin, status=StageStatus.IN_PROGRESS),
        "students of an assignment": lambda: submissions.overview(ctx, professor, number),
    }


def _figures(ctx: Context, actor: Actor, name: str, course: int | None) -> dict[str, Callable[[], object]]:
    asked: dict[str, Callable[[], object]] = {
        f"parked, {name}": lambda: reports.count_parked(ctx, actor, course_id=course),
        f"queue, {name}": lambda: monitoring.read_queue(ctx, actor, Scope(course_id=course)),
    }
    figures: dict[str, Callable[[Context, Actor, Scope], object]] = {
        "summary": monitoring.summarise,
        "stages": monitoring.count_by_stage,
        "verdicts": monitoring.count_verdicts,
        "failures": monitoring.group_failures,
        "failed tasks": monitoring.list_failures,
        "requeues": monitoring.sum_requeues,
        "requeues by definition": monitoring.count_requeues_by_definition,
        "offenders": monitoring.list_offenders,
        "hours": monitoring.count_by_hour,
        "latency": monitoring.measure_latency,
    }
    for days in (1, 30, 365, None):
        scope = Scope(course_id=course, since=utc_now() - timedelta(days=days) if days else None)
        for title, figure in figures.items():
            asked[f"{title}, {name}, {days or 'any'} d"] = lambda figure=figure, scope=scope: figure(
                ctx, actor, scope
            )
    return asked


def measure(ask: Callable[[], object]) -> float:
    """The slowest twentieth of the times, in milliseconds."""
    ask()
    taken: list[float] = []
    end = time.perf_counter() + PATIENCE_SECONDS
    while len(taken) < ROUNDS and (len(taken) < FEWEST or time.perf_counter() < end):
        begun = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - begun) * 1000)
    return numbers.quantiles(taken, n=20)[-1] if len(taken) >= ROUNDS else max(taken)


def main() -> None:
    """Read the command line, fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", default="", help="questions whose name has this in it")
    arguments = parser.parse_args()
    answers: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for tasks in arguments.sizes:
            with world(arguments.folder or Path(temporary), tasks) as ctx:
                for name, ask in questions(ctx).items():
                    if arguments.only in name:
                        answers.setdefault(name, []).append(measure(ask))
    print(f"load {os.getloadavg()[0]:.1f}; p95 in ms at {arguments.sizes}, and the ratio of last to first")
    for name, taken in answers.items():
        print(f"{name:36}" + "".join(f"{one:10.1f}" for one in taken) + f"{taken[-1] / taken[0]:8.1f} x")


if __name__ == "__main__":
    main()
