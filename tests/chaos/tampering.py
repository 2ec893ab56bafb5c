"""Ways to tamper with the rows of a finished installation, and the check that must see each."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos.recount import (
    Evidence,
    check_attempts,
    check_effects,
    check_originals,
    check_states,
    check_submissions,
)
from tests.chaos.reports import check_reports

Check = Callable[[Evidence], list[str]]

TASK = "(SELECT id FROM task WHERE submit_key = '{key}')"
ATTEMPT = f"(SELECT id FROM task_attempt WHERE task_id = {TASK})"

ROWS: dict[str, tuple[Check, tuple[str, ...]]] = {
    "accepted row is gone": (check_submissions, ("DELETE FROM task WHERE submit_key = '{key}'",)),
    "row belongs to another student": (
        check_submissions,
        (
            (
                "UPDATE task SET created_by_id ="
                " (SELECT min(user_id) FROM course_member WHERE role = 'professor')"
                " WHERE submit_key = '{key}'"
            ),
        ),
    ),
    "row is twice": (
        check_submissions,
        (
            (
                "INSERT INTO task (assignment_id, created_by_id, creation_timestamp, submit_key, reference,"
                " original_path, original_name, original_size, original_sha256, stored_at)"
                " SELECT assignment_id, created_by_id + 1, creation_timestamp, submit_key, 'twice', '/twice',"
                " original_name, original_size, original_sha256, stored_at"
                " FROM task WHERE submit_key = '{key}'"
            ),
        ),
    ),
    "digest was edited": (
        check_submissions,
        ("UPDATE task SET original_sha256 = 'x' WHERE submit_key = '{key}'",),
    ),
    "original is said to be in Postgres": (
        check_originals,
        ("UPDATE task SET stored_at = 'postgres' WHERE submit_key = '{key}'",),
    ),
    "original has left bytes in Postgres": (
        check_originals,
        (f"INSERT INTO original_bytes (task_id, part, content) VALUES ({TASK}, 0, 'x')",),
    ),
    "live attempt is twice": (
        check_attempts,
        (
            "DROP INDEX uq_task_attempt_live",
            (
                "INSERT INTO task_attempt (task_id, number, version_id, file_path, created_at)"
                " SELECT task_id, number + 1, version_id, '/twice.zip', created_at FROM task_attempt"
                f" WHERE id = {ATTEMPT}"
            ),
        ),
    ),
    "attempt was opened again": (
        check_attempts,
        (
            f"UPDATE task_attempt SET closed_at = now() WHERE id = {ATTEMPT}",
            (
                "INSERT INTO task_attempt (task_id, number, version_id, file_path, created_at)"
                " SELECT task_id, number + 1, version_id, '/twice.zip', created_at FROM task_attempt"
                f" WHERE id = {ATTEMPT}"
            ),
            "UPDATE task SET current_attempt = 2 WHERE submit_key = '{key}'",
        ),
    ),
    "no attempt is live": (
        check_attempts,
        (f"UPDATE task_attempt SET closed_at = now() WHERE id = {ATTEMPT}",),
    ),
    "message was never published": (
        check_attempts,
        (f"UPDATE outbox SET published_at = NULL WHERE attempt_id = {ATTEMPT}",),
    ),
    "message is gone": (check_attempts, (f"DELETE FROM outbox WHERE attempt_id = {ATTEMPT}",)),
    "status of the task was edited": (
        check_states,
        ("UPDATE task SET status_id = 2 WHERE submit_key = '{key}'",),
    ),
    "later stage has ended before the first": (
        check_states,
        (
            (
                "UPDATE task_stage_status SET status_id = 1, ended_at = NULL"
                f" WHERE attempt_id = {ATTEMPT} AND position = 0"
            ),
        ),
    ),
    "stage is missing": (
        check_states,
        (f"DELETE FROM task_stage_status WHERE attempt_id = {ATTEMPT} AND position = 1",),
    ),
    "attempt has ended and is still open": (
        check_states,
        (f"UPDATE task_attempt SET ended_at = NULL WHERE id = {ATTEMPT}",),
    ),
    "stage is of a run that never was": (
        check_states,
        (f"UPDATE task_stage_status SET run = 99 WHERE attempt_id = {ATTEMPT} AND position = 1",),
    ),
    "verdict was swapped": (
        check_effects,
        (
            f"UPDATE task_stage_status SET status_id = 4 WHERE attempt_id = {ATTEMPT} AND position = 1",
            "UPDATE task SET status_id = 4 WHERE submit_key = '{key}'",
        ),
    ),
    "message was left in the queue": (
        check_effects,
        (
            (
                "INSERT INTO queue_message (exchange, routing_key, body, enqueued_at)"
                " VALUES ('e', 'k', 'body', now())"
            ),
        ),
    ),
    "report was parked": (
        check_effects,
        (
            (
                "INSERT INTO parked_report (received_at, routing_key, body, body_size, reason, file_path)"
                " VALUES (now(), 'task.log', 'x', 1, 'unreadable', '')"
            ),
        ),
    ),
    "requeue counter was edited": (
        check_reports,
        (f"UPDATE task_metrics SET requeue_count = requeue_count + 1 WHERE task_id = {TASK}",),
    ),
    "requeue was counted twice": (
        check_reports,
        (
            (
                "INSERT INTO requeue_event (task_id, at, cause, attempt, run)"
                f" VALUES ({TASK}, now(), 'orchestrator', 1, 9)"
            ),
            f"UPDATE task_metrics SET requeue_count = requeue_count + 1 WHERE task_id = {TASK}",
            f"UPDATE task_attempt SET run = run + 1 WHERE id = {ATTEMPT}",
        ),
    ),
    "answered requeue was lost": (
        check_reports,
        (
            f"DELETE FROM requeue_event WHERE task_id = {TASK}",
            f"UPDATE task_metrics SET requeue_count = 0 WHERE task_id = {TASK}",
            f"UPDATE task_attempt SET run = 1 WHERE id = {ATTEMPT}",
            f"DELETE FROM idempotency_record WHERE (answer->>'task_id')::bigint = {TASK}",
        ),
    ),
    "counter is twice": (
        check_reports,
        (
            "ALTER TABLE task_metrics DROP CONSTRAINT uq_task_metrics_task_id",
            (
                "INSERT INTO task_metrics (task_id, requeue_count)"
                f" SELECT task_id, requeue_count FROM task_metrics WHERE task_id = {TASK}"
            ),
        ),
    ),
    "log line is gone": (check_reports, ("DELETE FROM task_log WHERE log_message LIKE '{key}%'",)),
    "log line is twice": (
        check_reports,
        (
            (
                "INSERT INTO task_log (task_id, attempt, run, level, source, log_message, logged_at)"
                " SELECT task_id, attempt, run, level, source, log_message, logged_at FROM task_log"
                " WHERE log_message LIKE '{key}%'"
            ),
        ),
    ),
}
