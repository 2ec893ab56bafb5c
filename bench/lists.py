"""What lists and figures cost with many rows, and whether every list finds its rows along an index.

    python bench/lists.py                 100,000 submissions, 1,000,000 log lines
    python bench/lists.py --tasks 10000

Fills a Postgres of its own, asks each question as those who ask it do, prints the middle and the
slowest twentieth of the times and how many statements it took. A page of a list that reads a whole
table is an error, unless there are only a few rows.
"""

from __future__ import annotations

import argparse
import statistics as numbers
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pydantic import SecretStr
from sqlalchemy import event, text

from core.config import Settings
from core.context import ORCHESTRATOR, Actor, Context
from core.db import Database, utc_now
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.state import _free_port
from core.migrate import upgrade
from core.services import monitoring, statistics, submissions
from core.services.monitoring import Scope
from core.services.submissions import TaskFilter
from core.storage import open_storage
from core.vocabulary import StageStatus

ROUNDS = 30
LARGE = 50_000
"""Submissions from which on Postgres is expected to use the indexes; fewer are read faster as a whole."""

STUDENTS, PER_ASSIGNMENT, ASSIGNMENTS_PER_COURSE = 2_000, 300, 10

FILL = """
INSERT INTO users (email, created_at, confirmed_at)
    SELECT 'person' || n || '@uniandes.edu.co', now(), now() FROM generate_series(1, :people) n;
INSERT INTO task_definition (definition_name, owner_id, creation_timestamp) VALUES ('G-code', 1, now());
INSERT INTO definition_version (definition_id, number, created_at) VALUES (1, 1, now());
INSERT INTO definition_stage (version_id, position, stage_id, container_name, container_filename,
        remote_storage_path, image_size, image_sha256, run_command, exchange, routing_key, queue,
        timeout_seconds)
    SELECT 1, s, s + 1, 'c', 'i', '/i' || s, 1, 'x', 'true', 'e', 'k' || s, 'q' || s, 300
    FROM generate_series(0, 1) s;
INSERT INTO course (course_name, timezone, creation_timestamp)
    SELECT 'Course ' || n, 'America/Bogota', now() FROM generate_series(1, :courses) n;
INSERT INTO course_member (course_id, user_id, role, joined_at)
    SELECT c, 1, 'professor', now() FROM generate_series(1, 3) c;
INSERT INTO course_member (course_id, user_id, role, joined_at)
    SELECT c, 2 + (c * 300 + n) % (:people - 2), 'student', now()
    FROM generate_series(1, :courses) c, generate_series(1, 300) n ON CONFLICT DO NOTHING;
INSERT INTO assignment (course_id, definition_id, assignment_name, assignment_start_date,
        assignment_end_date, created_by_id, creation_timestamp)
    SELECT c, 1, 'Assignment ' || a, now() - interval '60 days', now() + interval '1 day', 1, now()
    FROM generate_series(1, :courses) c, generate_series(1, :per_course) a;
INSERT INTO task (assignment_id, created_by_id, creation_timestamp, submit_key, reference, original_path,
        original_name, original_size, original_sha256, stored_at, status_id)
    SELECT a.id, 2 + (a.course_id * 300 + n % 300) % (:people - 2),
        now() - (:tasks - n) * interval '40 s',
        'key' || n, 'R' || n, '/o' || n, 'a.zip', 1, 'x', 'ftp',
        CASE WHEN n > :tasks - 50 THEN 1 + n % 2 WHEN n % 9 = 0 THEN 4 ELSE 3 END
    FROM generate_series(1, :tasks) n JOIN assignment a ON a.id = 1 + (n * 7919) % :assignments;
INSERT INTO task_metrics (task_id, requeue_count)
    SELECT id, CASE WHEN id % 20 = 0 THEN 1 ELSE 0 END FROM task;
INSERT INTO task_attempt (task_id, number, version_id, file_path, created_at, ended_at)
    SELECT id, 1, 1, '/a' || id || '.zip', creation_timestamp,
        CASE WHEN status_id > 2 THEN creation_timestamp + interval '90 s' END FROM task;
INSERT INTO task_stage_status (task_id, attempt_id, stage_id, position, status_id,
        queued_at, started_at, ended_at, reason)
    SELECT t.id, a.id, 1, 0, CASE t.status_id WHEN 1 THEN 1 WHEN 2 THEN 2 ELSE 3 END, t.creation_timestamp,
        CASE WHEN t.status_id > 1 THEN t.creation_timestamp + interval '5 s' END,
        CASE WHEN t.status_id > 2 THEN t.creation_timestamp + interval '30 s' END, NULL
    FROM task t JOIN task_attempt a ON a.task_id = t.id;
INSERT INTO task_stage_status (task_id, attempt_id, stage_id, position, status_id,
        queued_at, started_at, ended_at, reason)
    SELECT t.id, a.id, 2, 1, CASE WHEN t.status_id > 2 THEN t.status_id ELSE 1 END,
        CASE WHEN t.status_id > 2 THEN t.creation_timestamp + interval '30 s' END,
        CASE WHEN t.status_id > 2 THEN t.creation_timestamp + interval '40 s' END,
        CASE WHEN t.status_id > 2 THEN t.creation_timestamp + interval '90 s' END,
        CASE WHEN t.status_id = 4 THEN 'Cause ' || chr(65 + (t.id % 12)::int) || ' at line ' || t.id END
    FROM task t JOIN task_attempt a ON a.task_id = t.id;
INSERT INTO requeue_event (task_id, at, cause, stage_id, attempt, run)
    SELECT id, creation_timestamp + interval '1 minute', 'orchestrator', 1, 1, 2 FROM task WHERE id % 20 = 0;
INSERT INTO task_log (task_id, attempt, run, source, log_message, logged_at)
    SELECT t.id, 1, 1, 'orchestrator', 'line ' || n, t.creation_timestamp
    FROM task t, generate_series(1, 10) n;
"""


def fill(ctx: Context, tasks: int) -> None:
    """Rows as a few terms leave them."""
    assignments = max(ASSIGNMENTS_PER_COURSE * 3, tasks // PER_ASSIGNMENT)
    courses = -(-assignments // ASSIGNMENTS_PER_COURSE)
    values = {
        "people": STUDENTS,
        "courses": courses,
        "per_course": ASSIGNMENTS_PER_COURSE,
        "assignments": courses * ASSIGNMENTS_PER_COURSE,
        "tasks": tasks,
    }
    with ctx.db.transaction() as session:
        for statement in FILL.split(";\n"):
            if statement.strip():
                session.execute(text(statement), values)
    with ctx.db.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("VACUUM ANALYZE"))


@contextmanager
def noting(ctx: Context) -> Iterator[list[tuple[str, object]]]:
    """The statements that run inside the block, with their values."""
    noted: list[tuple[str, object]] = []

    def note(_: object, __: object, statement: str, values: object, *___: object) -> None:
        noted.append((statement, values))

    with ctx.db.connect() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", note)
    yield noted
    event.remove(engine, "before_cursor_execute", note)


def questions(ctx: Context) -> dict[str, Callable[[], object]]:
    """Each list and figure, asked as those who use it do. Lists begin with `list`."""
    professor, student, admin = Actor(user_id=1), Actor(user_id=600), Actor(user_id=2, is_admin=True)
    with ctx.db.transaction() as session:
        session.execute(text("UPDATE users SET is_admin = true WHERE id = 2"))
    course, assignment = Scope(course_id=1), Scope(assignment_id=1)
    week = utc_now().replace(microsecond=0)

    def listed(actor: Actor, **wanted: object) -> Callable[[], object]:
        return lambda: submissions.list_tasks(ctx, actor, TaskFilter(**wanted))  # type: ignore[arg-type]  # any filter

    return {
        "list professor": listed(professor),
        "list professor, failed": listed(professor, status=StageStatus.FAILED),
        "list professor, under way": listed(professor, status=StageStatus.IN_PROGRESS),
        "list professor, a course": listed(professor, course_id=2),
        "list professor, an assignment": listed(professor, assignment_id=1),
        "list professor, a student": listed(professor, student_id=400),
        "list professor, a stage": listed(professor, stage="EXECUTION", status=StageStatus.FAILED),
        "list professor, since now": listed(professor, since=week),
        "list student": listed(student),
        "list admin": listed(admin),
        "list admin, running": listed(admin, status=StageStatus.IN_PROGRESS),
        "list orchestrator": listed(ORCHESTRATOR),
        "students of an assignment": lambda: submissions.overview(ctx, professor, 1),
        "a task with its log": lambda: submissions.get_task(ctx, professor, _task_of(ctx, 1)),
        "summary, a course": lambda: monitoring.summarise(ctx, professor, course),
        "summary, everything": lambda: monitoring.summarise(ctx, admin, Scope()),
        "queue, everything": lambda: monitoring.read_queue(ctx, admin, Scope()),
        "requeues, a course": lambda: monitoring.sum_requeues(ctx, professor, course),
        "failures, a course": lambda: monitoring.group_failures(ctx, professor, course),
        "failures, everything": lambda: monitoring.group_failures(ctx, admin, Scope()),
        "hours, an assignment": lambda: monitoring.count_by_hour(ctx, professor, assignment),
        "statistics": lambda: statistics.read_statistics(ctx, professor, 1),
    }


def _task_of(ctx: Context, assignment_id: int) -> int:
    with ctx.db.transaction() as session:
        query = text("SELECT max(id) FROM task WHERE assignment_id = :id")
        return int(session.scalar(query, {"id": assignment_id}) or 0)


def show(ctx: Context, name: str, ask: Callable[[], object]) -> list[str]:
    """Ask often, print a line; which tables a list read as a whole."""
    with noting(ctx) as noted:
        ask()
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - begun) * 1000)
    slowest = numbers.quantiles(taken, n=20)[-1]
    print(f"{name:32} p50 {numbers.median(taken):7.1f} ms   p95 {slowest:7.1f} ms   {len(noted)} statements")
    return whole_scans(ctx, noted) if name.startswith("list") else []


def whole_scans(ctx: Context, noted: list[tuple[str, object]]) -> list[str]:
    """Which of the large tables were read from end to end."""
    large = ("task", "task_stage_status", "task_attempt", "task_log", "task_metrics")
    found = []
    with ctx.db.connect() as connection:
        for statement, values in noted:
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", values)  # type: ignore[arg-type]  # as it was sent
            for (line,) in plan:
                if any(f"Seq Scan on {table} " in line for table in large):
                    found.append(line.strip())
    return found


def main() -> None:
    """Read the command line, fill, ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", port=_free_port(0), password="bench")  # noqa: S106  gone at the end
        with server:
            settings = Settings(
                database_url=SecretStr(server.url()),
                ftp_url=SecretStr("ftp://u:p@127.0.0.1/none"),
                _env_file=None,
            )
            database = Database(server.url())
            upgrade(database)
            ctx = Context(settings=settings, db=database, storage=open_storage(settings), now=utc_now)
            begun = time.perf_counter()
            fill(ctx, arguments.tasks)
            print(f"{arguments.tasks} submissions in {time.perf_counter() - begun:.0f} s")
            wrong = {name: show(ctx, name, ask) for name, ask in questions(ctx).items()}
            if arguments.tasks < LARGE:
                wrong.clear()
            database.dispose()
    wrong = {name: lines for name, lines in wrong.items() if lines}
    if wrong:
        sys.exit(f"read as a whole: {wrong}")


if __name__ == "__main__":
    main()
