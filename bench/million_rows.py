"""Rows as some years leave them, made inside Postgres: for measurements, by `bench/million.py`.

Three years of terms. An assignment is open for two weeks and most of its submissions come in its last
days and by day; a tenth of the students hands in many times; waits and runs are skewed to the right and
grow in a rush; one in nine fails, for one of some forty causes; one in twenty is requeued, more often
where nodes were lost. 10 log lines a task.
"""

from __future__ import annotations

from sqlalchemy import text

from core.context import Context

PER_ASSIGNMENT, ASSIGNMENTS_PER_COURSE = 300, 10
COURSES_AT_ONCE, TERM_EVERY_DAYS = 60, 180
"""A larger installation has more courses beside one another, then more terms: a professor's share of
the work is alike in all sizes."""

_PLACES = """
INSERT INTO users (email, created_at, confirmed_at, is_admin)
    SELECT 'person' || n || '@uniandes.edu.co', now(), now(), n = 2 FROM generate_series(1, :people) n;
INSERT INTO task_definition (definition_name, owner_id, creation_timestamp)
    SELECT 'Definition ' || n, 1, now() - interval '3 years' FROM generate_series(1, 12) n;
INSERT INTO definition_version (definition_id, number, created_at)
    SELECT n, 1, now() - interval '3 years' FROM generate_series(1, 12) n;
INSERT INTO definition_stage (version_id, position, stage_id, container_name, container_filename,
        remote_storage_path, image_size, image_sha256, run_command, exchange, routing_key, queue,
        timeout_seconds)
    SELECT v, s, s + 1, 'c', 'i', '/i' || v || s, 1, 'x', 'true', 'e', 'k' || v || s, 'q' || s, 300
    FROM generate_series(1, 12) v, generate_series(0, 1) s;
INSERT INTO course (course_name, timezone, creation_timestamp)
    SELECT 'Course ' || n, 'America/Bogota', now() - interval '3 years' FROM generate_series(1, :courses) n;
INSERT INTO course_member (course_id, user_id, role, joined_at)
    SELECT c, 1, 'professor', now() FROM generate_series(greatest(1, :courses - 2), :courses) c;
INSERT INTO course_member (course_id, user_id, role, joined_at)
    SELECT c, 2 + (c * 60 + n) % (:people - 2), 'student', now()
    FROM generate_series(1, :courses) c, generate_series(1, 60) n ON CONFLICT DO NOTHING;
INSERT INTO assignment (course_id, definition_id, assignment_name, assignment_start_date,
        assignment_end_date, created_by_id, creation_timestamp)
    SELECT c, 1 + (c * 5 + a) % 12, 'Assignment ' || a, due - interval '14 days', due, 1,
        due - interval '20 days'
    FROM generate_series(1, :courses) c, generate_series(1, :per_course) a,
        LATERAL (SELECT now() + interval '2 days'
            - (:courses - c) * interval '1 day' * :earlier_days / :courses
            - (:per_course - a) * interval '12 days' AS due) d
"""

_TASKS = """
INSERT INTO task (assignment_id, created_by_id, creation_timestamp, submit_key, reference, original_path,
        original_name, original_size, original_sha256, stored_at, status_id)
    SELECT assignment_id, student, at, 'key' || n, 'R' || n, '/o' || n, 'a.zip', 100000, md5(n::text), 'ftp',
        CASE WHEN at > now() - interval '20 minutes' THEN 1 + n % 2 WHEN n % 9 = 0 THEN 4 ELSE 3 END
    FROM (
        SELECT a.id AS assignment_id, n,
            2 + (a.course_id * 60 + (60 * power(random(), 1.4))::int) % (:people - 2) AS student,
            least(now() - random() * interval '1 hour',
                date_trunc('day', a.assignment_end_date - 13 * power(random(), 2.2) * interval '1 day')
                + (14 + 4 * (random() + random() + random() - 1.5)) * interval '1 hour'
                + random() * interval '1 hour') AS at
        FROM generate_series(1, :tasks) n
        JOIN assignment a ON a.id = 1 + n::bigint * :assignments / (:tasks + 1)
        ORDER BY at
    ) made
"""

_WHAT_FOLLOWS = """
INSERT INTO task_metrics (task_id, requeue_count)
    SELECT id, CASE WHEN id % 20 = 0 THEN 1 ELSE 0 END FROM task ORDER BY id;
INSERT INTO task_attempt (task_id, number, version_id, file_path, created_at, copied_at,
        published_at, ended_at)
    SELECT t.id, 1, a.definition_id, '/a' || t.id || '.zip', t.creation_timestamp,
        t.creation_timestamp, t.creation_timestamp, NULL
    FROM task t JOIN assignment a ON a.id = t.assignment_id ORDER BY t.id;
CREATE TEMPORARY TABLE spans AS
    SELECT t.id AS task_id, t.id AS attempt_id, creation_timestamp AS at, status_id,
        exp(1.5 + 1.1 * w1) * interval '1 s' AS w1, exp(2.0 + 0.6 * r1) * interval '1 s' AS r1,
        exp(1.8 + 1.1 * w2) * interval '1 s' AS w2, exp(3.6 + 0.9 * r2) * interval '1 s' AS r2
    FROM (SELECT *,
        random() + random() + random() + random() - 2 AS w1, random() + random() + random() - 1.5 AS r1,
        random() + random() + random() + random() - 2 AS w2, random() + random() + random() - 1.5 AS r2
        FROM task) t;
INSERT INTO task_stage_status (task_id, attempt_id, stage_id, position, status_id,
        queued_at, started_at, ended_at)
    SELECT task_id, attempt_id, 1, 0, CASE status_id WHEN 1 THEN 1 WHEN 2 THEN 2 ELSE 3 END, at,
        CASE WHEN status_id > 1 THEN at + w1 END, CASE WHEN status_id > 2 THEN at + w1 + r1 END
    FROM spans ORDER BY task_id;
INSERT INTO task_stage_status (task_id, attempt_id, stage_id, position, status_id, queued_at, started_at,
        ended_at, reason, cause, failed_by)
    SELECT task_id, attempt_id, 2, 1, CASE WHEN status_id > 2 THEN status_id ELSE 1 END,
        CASE WHEN status_id > 2 THEN at + w1 + r1 END, CASE WHEN status_id > 2 THEN at + w1 + r1 + w2 END,
        CASE WHEN status_id > 2 THEN at + w1 + r1 + w2 + r2 END,
        CASE WHEN status_id = 4 THEN 'Cause '
            || repeat(chr(65 + (task_id % 40)::int % 26), 1 + (task_id % 40)::int / 26)
            || ': unknown command at line ' || task_id END,
        CASE WHEN status_id = 4 THEN '' END,
        CASE WHEN status_id = 4 THEN CASE WHEN task_id % 8 = 0 THEN 'crash' ELSE 'verdict' END END
    FROM spans ORDER BY task_id;
UPDATE task_attempt SET ended_at = s.at + w1 + r1 + w2 + r2, closed_at = s.at + w1 + r1 + w2 + r2
    FROM spans s WHERE s.attempt_id = task_attempt.id AND status_id > 2;
INSERT INTO requeue_event (task_id, at, cause, stage_id, attempt, run)
    SELECT id, creation_timestamp + interval '1 minute',
        CASE WHEN id % 100 = 0 THEN 'node_lost' WHEN id % 40 = 0 THEN 'crash' ELSE 'orchestrator' END,
        1 + id % 2, 1, 2 FROM task WHERE id % 20 = 0;
DROP TABLE spans
"""

_LOGS = """
INSERT INTO task_log (task_id, attempt, run, source, log_message, logged_at)
    SELECT t.id, 1, 1, 'orchestrator', 'Task processing line ' || n, t.creation_timestamp + n * interval '3 s'
    FROM task t, generate_series(1, 10) n WHERE t.id > :low AND t.id <= :high
"""

_BATCH = 100_000


def fill(ctx: Context, tasks: int) -> None:
    """`tasks` submissions with all that belongs to them. The database must be empty and our own."""
    assignments = max(ASSIGNMENTS_PER_COURSE, tasks // PER_ASSIGNMENT)
    courses = -(-assignments // ASSIGNMENTS_PER_COURSE)
    values = {
        "people": max(500, courses * 25),
        "courses": courses,
        "per_course": ASSIGNMENTS_PER_COURSE,
        "assignments": courses * ASSIGNMENTS_PER_COURSE,
        "tasks": tasks,
        "earlier_days": (courses - 1) // COURSES_AT_ONCE * TERM_EVERY_DAYS,
    }
    with ctx.db.transaction() as session:  # rows that fit by construction need no check of each
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in [*_PLACES.split(";\n"), _TASKS]:
            session.execute(text(statement), values)
    follow(ctx, tasks)


def follow(ctx: Context, tasks: int) -> None:
    """Attempts, stages, requeues and log lines of the tasks 1 to `tasks`, which are there."""
    with ctx.db.transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _WHAT_FOLLOWS.split(";\n"):
            session.execute(text(statement))
    for low in range(0, tasks, _BATCH):
        with ctx.db.transaction() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(text(_LOGS), {"low": low, "high": low + _BATCH})
    with ctx.db.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("VACUUM ANALYZE"))
