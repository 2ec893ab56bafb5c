"""The recount can fail: each thing that is tampered with in a finished world turns its check red."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from tests.chaos.book import COMPLETED, HandedIn
from tests.chaos.checks import CHECKS
from tests.chaos.conftest import Scene
from tests.chaos.figures import check_figures
from tests.chaos.recount import (
    Evidence,
    check_attempts,
    check_originals,
    check_orphans,
    check_submissions,
)
from tests.chaos.reports import check_reports
from tests.chaos.tampering import ATTEMPT, ROWS, TASK, Check

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

QUIET_SEED = 1000


@pytest.fixture(scope="module")
def finished(embedded: Scene) -> list[HandedIn]:
    """The book of a round in which nothing went wrong."""
    result = embedded.run(QUIET_SEED, with_faults=False)
    assert not result.problems, result.explain()
    return embedded.world.book[-result.counts["submissions"] :]


@contextmanager
def tampered(scene: Scene, book: list[HandedIn], *statements: str) -> Iterator[Evidence]:
    """The world after `statements`, which are rolled back; no trigger or foreign key stops them.

    `{key}` is the key of a submission that was accepted, passed, and was reported about.
    """
    connection = psycopg2.connect(scene.world.dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            for statement in statements:
                cursor.execute(statement.format(key=chosen(book).key))
                assert cursor.rowcount != 0, f"it changed nothing: {statement}"
        yield Evidence(connection, scene.world.ftp_url, book)
    finally:
        connection.rollback()
        connection.close()


def chosen(book: list[HandedIn]) -> HandedIn:
    """The submission that is tampered with."""
    return next(
        one
        for one in book
        if one.task_ids
        and one.expected == (COMPLETED, COMPLETED)
        and {"log", "requeue"} <= {report.kind for report in one.reports}
    )


def test_untouched_world_passes_every_check(embedded: Scene, finished: list[HandedIn]) -> None:
    with tampered(embedded, finished) as evidence:
        for check in (*CHECKS, check_orphans):
            assert check(evidence) == []
        assert check_figures(evidence, embedded.world.installation.api, embedded.people) == []


@pytest.mark.parametrize(("check", "statements"), ROWS.values(), ids=ROWS)
def test_tampered_rows_are_found(
    embedded: Scene, finished: list[HandedIn], check: Check, statements: tuple[str, ...]
) -> None:
    with tampered(embedded, finished, *statements) as evidence:
        assert check(evidence)


@contextmanager
def changed_file(path: Path, content: bytes | None) -> Iterator[None]:
    """The file with other bytes, or (None) gone."""
    before = path.read_bytes() if path.exists() else None
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


@pytest.mark.parametrize(
    ("column", "check", "damage"),
    [
        pytest.param("original_path", check_originals, "flip", id="byte of an original was changed"),
        pytest.param("original_path", check_originals, "gone", id="original is gone"),
        pytest.param("file_path", check_attempts, "cut", id="archive of an attempt is half"),
        pytest.param("file_path", check_attempts, "gone", id="archive of an attempt is gone"),
        pytest.param("original_path", check_orphans, "extra", id="file that no row names"),
    ],
)
def test_tampered_files_are_found(
    embedded: Scene, finished: list[HandedIn], column: str, check: Check, damage: str
) -> None:
    with tampered(embedded, finished) as evidence:
        joined = "task t JOIN task_attempt a ON a.task_id = t.id"
        query = f"SELECT {column} AS path FROM {joined} WHERE submit_key = %s"
        (row,) = evidence.rows(query, chosen(finished).key)
        path = embedded.world.files / row["path"].removeprefix("/ulos/")
        content = path.read_bytes()
        damaged = {
            "flip": content[:50] + bytes([content[50] ^ 1]) + content[51:],
            "cut": content[: len(content) // 2],
            "gone": None,
            "extra": content,
        }[damage]
        where = path.with_name("extra.zip") if damage == "extra" else path
        with changed_file(where, damaged):
            assert check(evidence)


def test_answers_that_contradict_each_other_are_found(embedded: Scene, finished: list[HandedIn]) -> None:
    book = copy.deepcopy(finished)
    one = chosen(book)
    one.task_ids.append(one.task_ids[0] + 1)
    report = next(report for report in one.reports if report.kind == "requeue")
    report.answers.append(report.answers[0] | {"requeue_count": 99})

    with tampered(embedded, book) as evidence:
        assert check_submissions(evidence)
        assert check_reports(evidence)


def test_refusal_of_a_sound_submission_is_found(embedded: Scene, finished: list[HandedIn]) -> None:
    lost = replace(chosen(finished), key="chaos-unknown", task_ids=[], refused=[409], reports=[])

    with tampered(embedded, [*finished, lost]) as evidence:
        assert check_submissions(evidence)


def test_delivery_at_a_node_that_was_not_counted_is_found(
    embedded: Scene, finished: list[HandedIn], tmp_path: Path
) -> None:
    task = chosen(finished).task_ids[0]
    lines = [{"what": what, "task": str(task), "key": "k"} for what in ("takes", "took") * 2]
    ledger = tmp_path / "node.jsonl"
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))

    with tampered(embedded, finished) as evidence:
        evidence.ledgers = [ledger]
        assert check_reports(evidence)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("DELETE FROM task WHERE submit_key = '{key}'", id="task that was not deleted"),
        pytest.param("UPDATE task SET status_id = 4 WHERE submit_key = '{key}'", id="status"),
        pytest.param(f"DELETE FROM requeue_event WHERE task_id = {TASK}", id="requeues"),
        pytest.param(
            f"UPDATE task_stage_status SET status_id = 4 WHERE attempt_id = {ATTEMPT} AND position = 1",
            id="stage",
        ),
        pytest.param(f"UPDATE outbox SET published_at = NULL WHERE attempt_id = {ATTEMPT}", id="outbox"),
        pytest.param("DELETE FROM course_member WHERE role = 'student'", id="students"),
    ],
)
def test_figures_that_differ_from_the_rows_are_found(
    embedded: Scene, finished: list[HandedIn], statement: str
) -> None:
    with tampered(embedded, finished, statement) as evidence:
        assert check_figures(evidence, embedded.world.installation.api, embedded.people)
