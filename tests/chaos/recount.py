"""Counts everything again by plain SQL and the bytes on FTP, without any code of the project.

Each check returns sentences about what is wrong; none means that all is well.
"""

from __future__ import annotations

import ftplib
import io
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2.extensions
import psycopg2.extras

from tests.chaos.book import COMPLETED, FAILED, IN_PROGRESS, PENDING, HandedIn
from tests.standin_node import fate_of

FOLDERS = ("originals", "attempts", "images", "statements")
KEY_PREFIX = "chaos-"


@dataclass
class Evidence:
    """What a round left behind, and what its clients were told."""

    connection: psycopg2.extensions.connection
    ftp_url: str
    book: list[HandedIn]
    ledgers: Collection[Path] = ()
    """What the stand-in nodes wrote down, since the world began."""
    tasks: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        keys = [handed_in.key for handed_in in self.book]
        rows = self.rows("SELECT * FROM task WHERE submit_key = ANY(%s)", keys)
        self.tasks = {row["submit_key"]: row for row in rows}

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Return what `query` selects."""
        with self.connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(query, values)
            return [dict(row) for row in cursor.fetchall()]

    def there(self) -> Iterator[tuple[HandedIn, dict[str, Any]]]:
        """Return the submissions that have a row, with it."""
        for handed_in in self.book:
            if handed_in.key in self.tasks:
                yield handed_in, self.tasks[handed_in.key]

    @contextmanager
    def ftp(self) -> Iterator[ftplib.FTP]:
        """Open a session that uses none of the project's code."""
        parts = urlsplit(self.ftp_url)
        with ftplib.FTP(timeout=30) as ftp:  # noqa: S321  as the project's servers speak it
            ftp.connect(parts.hostname or "", parts.port or 21)
            ftp.login(parts.username or "", parts.password or "")
            yield ftp


def check_submissions(evidence: Evidence) -> list[str]:
    """Accepted: one row, always the same. Refused: none. Otherwise one or none."""
    wrong = []
    count = Counter(
        row["submit_key"]
        for row in evidence.rows("SELECT submit_key FROM task WHERE submit_key LIKE %s", f"{KEY_PREFIX}%")
    )
    for handed_in in evidence.book:
        key, rows = handed_in.key, count[handed_in.key]
        if handed_in.task_ids and rows != 1:
            wrong.append(f"{key} was accepted and has {rows} rows")
        if rows > 1 or (handed_in.refused and not handed_in.unsure and rows):
            wrong.append(f"{key} was refused or sent once and has {rows} rows")
        if handed_in.refused:
            wrong.append(f"{key} was refused with {handed_in.refused}, though nothing was wrong with it")
        if key in evidence.tasks:
            wrong += _check_row(handed_in, evidence.tasks[key])
    return wrong


def _check_row(handed_in: HandedIn, row: dict[str, Any]) -> list[str]:
    known = {
        "created_by_id": handed_in.student_id,
        "assignment_id": handed_in.assignment_id,
        "original_sha256": handed_in.sha256,
        "original_size": len(handed_in.content),
    }
    wrong = [f"{handed_in.key}: {name} is {row[name]}" for name in known if row[name] != known[name]]
    if set(handed_in.task_ids) - {row["id"]}:
        wrong.append(f"{handed_in.key} is task {row['id']}, and {handed_in.task_ids} were answered")
    return wrong


def check_originals(evidence: Evidence) -> list[str]:
    """Each original is on FTP, byte for byte, and no copy of it waits in Postgres."""
    wrong = []
    with evidence.ftp() as ftp:
        for handed_in, row in evidence.there():
            content = _fetch(ftp, row["original_path"])
            if content != handed_in.content:
                wrong.append(f"{handed_in.key}: the original is {'gone' if content is None else 'different'}")
            if row["stored_at"] != "ftp":
                wrong.append(f"{handed_in.key}: the original is still in {row['stored_at']}")
    left = evidence.rows("SELECT DISTINCT task_id FROM original_bytes")
    return wrong + [f"task {row['task_id']}: bytes were left in Postgres" for row in left]


def _fetch(ftp: ftplib.FTP, path: str) -> bytes | None:
    content = io.BytesIO()
    try:
        ftp.retrbinary(f"RETR {path}", content.write)
    except ftplib.error_perm:
        return None
    return content.getvalue()


def check_attempts(evidence: Evidence) -> list[str]:
    """Each task has one live attempt, the current one, which was copied and published."""
    wrong = [
        f"task {row['id']}: live attempts {row['live']}, current {row['current_attempt']}"
        for row in evidence.rows(
            "SELECT t.id, t.current_attempt, array_agg(a.number) FILTER (WHERE a.closed_at IS NULL) AS live"
            " FROM task t LEFT JOIN task_attempt a ON a.task_id = t.id GROUP BY t.id"
        )
        if row["live"] != [row["current_attempt"]]
    ]
    attempts = evidence.rows(
        "SELECT a.*, o.published_at AS sent_at, t.submit_key"
        " FROM task_attempt a JOIN task t ON t.id = a.task_id LEFT JOIN outbox o"
        " ON o.attempt_id = a.id WHERE t.submit_key = ANY(%s)",
        list(evidence.tasks),
    )
    count = Counter(row["submit_key"] for row in attempts)
    wrong += [f"{key} has {count[key]} attempts or messages" for key in evidence.tasks if count[key] != 1]
    with evidence.ftp() as ftp:
        for row in attempts:
            if not (row["copied_at"] and row["published_at"] and row["sent_at"]):
                wrong.append(f"{row['submit_key']}: attempt {row['number']} was not published")
            content = _fetch(ftp, row["file_path"])
            if content is None or not zipfile.is_zipfile(io.BytesIO(content)):
                wrong.append(f"{row['submit_key']}: the archive of attempt {row['number']} cannot be read")
    return wrong


def check_states(evidence: Evidence) -> list[str]:
    """No task is in a state that cannot be, whoever handed it in."""
    wrong = []
    for row in evidence.rows(
        "SELECT t.id, t.status_id, a.ended_at, a.run, array_agg(s.status_id ORDER BY s.position) AS stages,"
        " max(s.run) AS last_run, (SELECT count(*) FROM definition_stage d WHERE d.version_id = a.version_id)"
        " AS due FROM task t JOIN task_attempt a ON a.task_id = t.id AND a.number = t.current_attempt"
        " JOIN task_stage_status s ON s.attempt_id = a.id GROUP BY t.id, a.id"
    ):
        stages, task = row["stages"], f"task {row['id']}"
        if len(stages) != row["due"]:
            wrong.append(f"{task} has {len(stages)} stages of {row['due']}")
        if any(late != PENDING and early != COMPLETED for early, late in pairwise(stages)):
            wrong.append(f"{task}: its stages {stages} cannot be")
        if row["status_id"] != derive(stages):
            wrong.append(f"{task}: status {row['status_id']} of stages {stages}")
        if (row["status_id"] in (COMPLETED, FAILED)) != (row["ended_at"] is not None):
            wrong.append(f"{task}: status {row['status_id']}, ended at {row['ended_at']}")
        if row["last_run"] > row["run"]:
            wrong.append(f"{task}: a stage is of run {row['last_run']}, the attempt of {row['run']}")
    return wrong


def derive(stages: Collection[int]) -> int:
    """Return the status of a task with these stages."""
    if FAILED in stages:
        return FAILED
    if set(stages) == {COMPLETED}:
        return COMPLETED
    return IN_PROGRESS if set(stages) & {IN_PROGRESS, COMPLETED} else PENDING


def check_effects(evidence: Evidence) -> list[str]:
    """Each task has come to the end that its archive, its node or its reports decide."""
    ends = {
        row["task_id"]: tuple(row["stages"])
        for row in evidence.rows(
            "SELECT s.task_id, array_agg(s.status_id ORDER BY s.position) AS stages FROM task_stage_status s"
            " JOIN task_attempt a ON a.id = s.attempt_id AND a.closed_at IS NULL GROUP BY s.task_id"
        )
    }
    wrong = []
    for handed_in, row in evidence.there():
        due, found = handed_in.expected or due_by_fate(row["id"]), ends.get(row["id"])
        if found != due:
            wrong.append(f"{handed_in.key}: task {row['id']} ended as {found}, not as {due}")
    left = evidence.rows("SELECT id, rejected_at FROM queue_message")
    wrong += [f"message {row['id']} is left in the queue, rejected {row['rejected_at']}" for row in left]
    return wrong + [
        f"report {row['id']} was parked: {row['reason']}"
        for row in evidence.rows("SELECT * FROM parked_report")
    ]


def due_by_fate(task_id: int) -> tuple[int, ...]:
    """Return the stages of a task that the stand-in nodes have dealt with."""
    return {None: (COMPLETED, COMPLETED), 0: (FAILED, PENDING), 1: (COMPLETED, FAILED)}[
        fate_of(task_id).stage
    ]


def check_orphans(evidence: Evidence) -> list[str]:
    """No file is there that no row names; for use after a sweep that found all files old enough."""
    named = {
        row["path"]
        for row in evidence.rows(
            "SELECT original_path AS path FROM task UNION SELECT file_path FROM task_attempt"
            " UNION SELECT remote_storage_path FROM definition_stage"
            " UNION SELECT path FROM assignment_statement"
        )
    }
    return [f"{path} is named by no row" for path in sorted(list_files(evidence) - named)]


def list_files(evidence: Evidence) -> set[str]:
    """Return the paths of all files of the project."""
    base = urlsplit(evidence.ftp_url).path
    with evidence.ftp() as ftp:
        return {path for folder in FOLDERS for path in _walk(ftp, f"{base}/{folder}")}


def _walk(ftp: ftplib.FTP, folder: str) -> Iterator[str]:
    lines: list[str] = []
    try:
        ftp.retrlines(f"LIST {folder}", lines.append)
    except ftplib.error_perm:
        return
    for line in lines:
        name = line.split(maxsplit=8)[8]
        if line.startswith("d"):
            yield from _walk(ftp, f"{folder}/{name}")
        else:
            yield f"{folder}/{name}"
