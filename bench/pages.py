"""What a run of each screen costs in a course of 500 students and 9,000 submissions.

    python bench/pages.py
    python bench/pages.py --only submissions --profile

Fills a Postgres of its own, opens each screen as a professor or a student does, and prints the CPU time
of the dashboard's process (what Streamlit's test harness adds is in it) and how long it took. A median
over the ceiling is an error.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import statistics as numbers
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from million_rows import follow
from pydantic import SecretStr
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from core.config import Settings
from core.context import PLATFORM, Actor, Context
from core.db import Database, utc_now
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.state import _free_port
from core.migrate import upgrade
from core.services import accounts
from core.services.tallies import count_days
from core.storage import open_storage
from dashboard import process, shell

ROOT = Path(__file__).resolve().parents[1]
CEILING_MS = 300
ROUNDS = 7
STUDENTS, ASSIGNMENTS, TASKS = 500, 10, 9_000

_COURSE = """
INSERT INTO users (email, full_name, created_at, confirmed_at)
    SELECT 'person' || n || '@uniandes.edu.co', 'Persona ' || n, now(), now()
    FROM generate_series(1, :students + 2) n;
INSERT INTO task_definition (definition_name, owner_id, creation_timestamp)
    SELECT 'Definition ' || n, 1, now() FROM generate_series(1, 12) n;
INSERT INTO definition_version (definition_id, number, created_at)
    SELECT n, 1, now() - interval '1 year' FROM generate_series(1, 12) n;
INSERT INTO definition_stage (version_id, position, stage_id, container_name, container_filename,
        remote_storage_path, image_size, image_sha256, run_command, exchange, routing_key, queue,
        timeout_seconds)
    SELECT v, s, s + 1, 'c', 'i', '/i' || v || s, 1, 'x', 'true', 'e', 'k' || v || s, 'q' || s, 300
    FROM generate_series(1, 12) v, generate_series(0, 1) s;
INSERT INTO course (course_name, timezone, creation_timestamp) VALUES ('Course', 'America/Bogota', now());
INSERT INTO course_member (course_id, user_id, role, joined_at)
    SELECT 1, n, CASE n WHEN 1 THEN 'professor' WHEN 2 THEN 'monitor' ELSE 'student' END, now()
    FROM generate_series(1, :students + 2) n;
INSERT INTO assignment (course_id, definition_id, assignment_name, assignment_description,
        assignment_start_date, assignment_end_date, created_by_id, creation_timestamp)
    SELECT 1, 1 + a % 12, 'Assignment ' || a, 'Print **it**', due - interval '14 days', due, 1,
        due - interval '20 days'
    FROM generate_series(1, :assignments) a, LATERAL (SELECT now() + (a - 7) * interval '7 days' AS due) d;
INSERT INTO task (assignment_id, created_by_id, creation_timestamp, submit_key, reference, original_path,
        original_name, original_size, original_sha256, stored_at, status_id)
    SELECT 1 + n * 7 / :tasks, 3 + (random() * (:students - 1))::int, at, 'key' || n, 'R' || n, '/o' || n,
        'a.zip', 100000, md5(n::text), 'ftp',
        CASE WHEN n % 9 = 0 THEN 4 WHEN n > :tasks - 40 THEN 1 ELSE 3 END
    FROM generate_series(0, :tasks - 1) n,
        LATERAL (SELECT now() - (:tasks - n) * interval '7 minutes' AS at) d ORDER BY n
"""


@dataclass(frozen=True)
class Place:
    """A screen at an address, opened by somebody."""

    person: int
    path: str
    address: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.address.items())
        return f"/{self.path}" + (f"?{query}" if query else "")


PROFESSOR, STUDENT = 1, 250
PLACES = (
    Place(PROFESSOR, "submissions"),
    Place(PROFESSOR, "submissions", {"view": "students"}),
    Place(PROFESSOR, "submissions", {"view": "attention"}),
    Place(PROFESSOR, "assignments"),
    Place(PROFESSOR, "definitions"),
    Place(PROFESSOR, "courses"),
    Place(PROFESSOR, "monitoring"),
    Place(STUDENT, "my_work"),
)


@contextmanager
def world() -> Iterator[Context]:
    """A running Postgres with the course."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", port=_free_port(0), password="bench")  # noqa: S106  ours alone
        with server:
            settings = Settings(
                database_url=SecretStr(server.url()),
                ftp_url=SecretStr("ftp://u:p@127.0.0.1/none"),
                secret_key=SecretStr("bench-secret-key"),
                _env_file=None,
            )
            database = Database(server.url())
            upgrade(database)
            ctx = Context(settings=settings, db=database, storage=open_storage(settings), now=utc_now)
            values = {"students": STUDENTS, "assignments": ASSIGNMENTS, "tasks": TASKS}
            with database.transaction() as session:
                session.execute(text("SET LOCAL session_replication_role = replica"))
                for statement in _COURSE.split(";\n"):
                    session.execute(text(statement), values)
            follow(ctx, TASKS)
            count_days(ctx, PLATFORM)  # as the sweep does
            yield ctx
            database.dispose()


def opened(ctx: Context, place: Place) -> AppTest:
    """The screen after its first run, as its visitor sees it."""
    person = replace(accounts.get_person(ctx, Actor(user_id=place.person)), language="es")
    shell.find_visitor = lambda: person
    app = AppTest.from_file(ROOT / "dashboard" / "app.py", default_timeout=60)
    app.run()
    app.switch_page(f"../pages/{place.path}.py")
    for name, value in place.address.items():
        app.query_params[name] = value
    app.run()
    if app.exception or app.error:
        raise RuntimeError(f"{place}: {[*app.exception, *app.error]}")
    return app


def measure(ctx: Context, place: Place) -> tuple[float, float]:
    """Medians of CPU and of time of a run, in milliseconds."""
    app = opened(ctx, place)
    cpu, wall = [], []
    for _ in range(ROUNDS):
        gc.collect()
        begun, used = time.perf_counter(), time.process_time()
        app.run()
        cpu.append((time.process_time() - used) * 1000)
        wall.append((time.perf_counter() - begun) * 1000)
    return numbers.median(cpu), numbers.median(wall)


def main() -> None:
    """Read the command line, fill, open, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="places whose address has this in it")
    parser.add_argument("--profile", action="store_true", help="where the time goes, instead")
    arguments = parser.parse_args()
    slow = []
    with world() as ctx:
        process.context = lambda: ctx
        process.settings = lambda: ctx.settings
        shell.find_session_id = lambda: None
        process.warm_up()
        gc.collect()
        gc.freeze()
        print(f"load {os.getloadavg()[0]:.1f}; medians of {ROUNDS} runs, in ms")
        for place in PLACES:
            if arguments.only not in str(place):
                continue
            if arguments.profile:
                app = opened(ctx, place)
                cProfile.runctx("app.run()", {"app": app}, {}, sort="cumulative")
                continue
            cpu, wall = measure(ctx, place)
            slow += [str(place)] if cpu > CEILING_MS else []
            print(f"{place!s:32} CPU {cpu:6.0f}   time {wall:6.0f}", flush=True)
    if slow:
        raise SystemExit(f"over {CEILING_MS} ms of CPU: {', '.join(slow)}")


if __name__ == "__main__":
    main()
