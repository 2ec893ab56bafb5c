"""Hundreds of tasks at once, by SQL from one that was submitted as people do."""

from __future__ import annotations

import json

from sqlalchemy import text

from core.context import Context
from core.relay import copy_next
from tests import builders
from tests.node_reports import Carried

_MORE = """
WITH made AS (
    INSERT INTO task (assignment_id, created_by_id, creation_timestamp, submit_key, reference, original_path,
                      original_name, original_size, original_sha256, stored_at)
    SELECT assignment_id, created_by_id, creation_timestamp, 'many ' || n, 'many ' || n, '/o/' || n || '.zip',
           original_name, original_size, original_sha256, 'ftp'
    FROM task, generate_series(1, :count) n RETURNING id
), counted AS (INSERT INTO task_metrics (task_id) SELECT id FROM made), attempts AS (
    INSERT INTO task_attempt (task_id, number, version_id, file_path, created_at, copied_at)
    SELECT made.id, 1, version_id, CAST(:folder AS text) || '/many-' || made.id || '.zip',
           created_at, copied_at
    FROM made, task_attempt RETURNING id, task_id, file_path
), stages AS (
    INSERT INTO task_stage_status (task_id, attempt_id, stage_id, position, queued_at)
    SELECT attempts.task_id, attempts.id, stage_id, position, queued_at FROM attempts, task_stage_status
)
SELECT id, task_id, file_path FROM attempts ORDER BY task_id
"""

_MESSAGE = """
INSERT INTO outbox (attempt_id, exchange, routing_key, body, created_at)
SELECT :attempt_id, exchange, routing_key, :body, created_at FROM outbox ORDER BY id LIMIT 1
"""


def many_tasks(ctx: Context, world: builders.World, count: int, *, publish: bool) -> list[Carried]:
    """`count` tasks of the assignment whose attempts are copied; as nodes carry them, under tags 1, 2, ….

    With `publish` their messages wait in the outbox. The file of each is the caller's to put there.
    """
    first = builders.submit(ctx, world, key="first of many")
    copy_next(ctx)
    with ctx.db.transaction() as session:
        message = json.loads(bytes(session.scalars(text("SELECT body FROM outbox")).one()))
        rows = session.execute(
            text(_MORE), {"count": count, "folder": ctx.storage.path("attempts").rstrip("/")}
        ).all()
        bodies = [
            json.dumps(message | {"taskId": str(task_id), "filePath": path}).encode("ascii")
            for _, task_id, path in rows
        ]
        if publish:
            session.execute(
                text(_MESSAGE),
                [{"attempt_id": row.id, "body": body} for row, body in zip(rows, bodies, strict=True)],
            )
        session.execute(text("DELETE FROM task WHERE id = :id"), {"id": first.task_id})
    return [Carried.from_message(body, tag) for tag, body in enumerate(bodies, 1)]
