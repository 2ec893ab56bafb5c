"""Counts again what the reports about tasks have done: log lines, notices, new runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from tests.chaos.recount import KEY_PREFIX, Evidence


def check_reports(evidence: Evidence) -> list[str]:
    """Each report that was answered has had its effect once, however often it was sent."""
    wrong = []
    lines = Counter(
        row["log_message"]
        for row in evidence.rows(
            "SELECT log_message FROM task_log WHERE log_message LIKE %s", f"{KEY_PREFIX}%"
        )
    )
    for handed_in in evidence.book:
        for report in handed_in.reports:
            if any(answer != report.answers[0] for answer in report.answers):
                wrong.append(f"{report.key} was answered differently the second time: {report.answers}")
            due = {1} if report.answers else {0, 1}
            if report.kind == "log" and lines[report.text] not in due:
                wrong.append(f"{report.key} is {lines[report.text]} times in the log")
    return wrong + _check_requeues(evidence)


def _check_requeues(evidence: Evidence) -> list[str]:
    """The counter is what the events, the answered notices and the deliveries at the nodes come to."""
    rows = evidence.rows(
        "SELECT t.id, (SELECT array_agg(requeue_count) FROM task_metrics m WHERE m.task_id = t.id) AS counts,"
        " (SELECT array_agg(cause) FROM requeue_event e WHERE e.task_id = t.id) AS causes,"
        " (SELECT sum(run - 1) FROM task_attempt a WHERE a.task_id = t.id) AS runs FROM task t"
    )
    answered = Counter(
        row["task_id"]
        for row in evidence.rows(
            "SELECT (answer->>'task_id')::bigint AS task_id FROM idempotency_record"
            " WHERE answer ? 'requeue_count'"
        )
    )
    ours = {row["id"] for row in evidence.tasks.values()}
    took, unsure = _deliveries(evidence.ledgers)
    wrong = []
    for row in rows:
        task, causes = row["id"], Counter(row["causes"] or [])
        if row["counts"] != [causes.total()]:
            wrong.append(f"task {task}: requeue_count {row['counts']}, events {dict(causes)}")
        if causes.total() - causes["manual"] != row["runs"]:
            wrong.append(f"task {task}: {row['runs']} new runs, events {dict(causes)}")
        if task in ours:
            if causes["orchestrator"] != answered[task]:
                wrong.append(f"task {task}: {answered[task]} notices were answered, events {dict(causes)}")
            lost = causes["node_lost"] + causes["crash"]
            if not took[task] <= lost <= took[task] + unsure[task]:
                doubt = f"{took[task]} to {took[task] + unsure[task]}"
                wrong.append(f"task {task}: nodes took it {doubt} times again, events {dict(causes)}")
    for handed_in, task in evidence.there():
        notices = sum(bool(report.answers) for report in handed_in.reports if report.kind == "requeue")
        if notices > answered[task["id"]]:
            wrong.append(f"{handed_in.key}: {notices} notices were answered, {answered[task['id']]} are kept")
    return wrong


def _deliveries(ledgers: Collection[Path]) -> tuple[Counter[int], Counter[int]]:
    """Return how often nodes have taken each task again, for sure and perhaps."""
    takes: Counter[tuple[int, str]] = Counter()
    took: Counter[tuple[int, str]] = Counter()
    for path in ledgers:
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            place = (int(entry["task"]), entry["key"])
            takes[place] += entry["what"] == "takes"
            took[place] += entry["what"] == "took"
    again: Counter[int] = Counter()
    unsure: Counter[int] = Counter()
    for (task, key), number in takes.items():
        sure = took[task, key]
        again[task] += max(sure - 1, 0)
        unsure[task] += number - 1 - max(sure - 1, 0)
    return again, unsure
