"""Compares the figures that the API answers with a count over the rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx

from tests.chaos.book import COMPLETED, FAILED, IN_PROGRESS
from tests.chaos.load import People
from tests.chaos.recount import Evidence

_TASKS = "SELECT t.* FROM task t JOIN assignment a ON a.id = t.assignment_id WHERE {scope}"


def check_figures(evidence: Evidence, api: str, people: People) -> list[str]:
    """Return where the figures of the course and of each assignment differ from the rows."""
    wrong = []
    with httpx.Client(
        base_url=api, headers={"Authorization": f"Bearer {people.professor}"}, timeout=30
    ) as client:
        scopes = {f"course_id={people.course_id}": f"a.course_id = {people.course_id}"}
        for number in {people.node_assignment, people.played_assignment}:
            scopes[f"assignment_id={number}"] = f"a.id = {number}"
        for query, scope in scopes.items():
            for name, due in _monitoring(evidence, scope).items():
                answer = client.get(f"/monitoring/{name}?{query}").raise_for_status().json()
                wrong += _differences(f"/monitoring/{name}?{query}", answer, due)
        for number in {people.node_assignment, people.played_assignment}:
            path = f"/assignments/{number}/statistics"
            answer = client.get(path).raise_for_status().json()
            wrong += _differences(path, _flat(answer), _statistics(evidence, number))
    return wrong


def _differences(name: str, answer: dict[str, Any], due: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {key} is {answer[key]}, the rows say {due[key]}" for key in due if answer[key] != due[key]
    ]


def _monitoring(evidence: Evidence, scope: str) -> dict[str, dict[str, Any]]:
    summary = _summary(evidence, scope)
    events = evidence.rows(
        "SELECT e.cause, s.stage_name FROM requeue_event e JOIN task t ON t.id = e.task_id"
        " JOIN assignment a ON a.id = t.assignment_id LEFT JOIN processing_stage s ON s.id = e.stage_id"
        f" WHERE {scope}"
    )
    requeues = {
        "total": len(events),
        "by_cause": dict(Counter(row["cause"] for row in events)),
        "by_stage": dict(Counter(row["stage_name"] or "none" for row in events)),
    }
    return {
        "summary": summary,
        "requeues": requeues,
        "failures": {"total": summary["failed"]},
        "queue": {name: summary[name] for name in ("waiting", "running", "outbox")},
    }


def _summary(evidence: Evidence, scope: str) -> dict[str, Any]:
    status = Counter(row["status_id"] for row in evidence.rows(_TASKS.format(scope=scope)))
    running = len(
        evidence.rows(
            f"{_TASKS.format(scope=scope)} AND t.status_id IN (1, 2) AND EXISTS ("
            "SELECT FROM task_stage_status s JOIN task_attempt n ON n.id = s.attempt_id"
            " WHERE n.task_id = t.id AND n.number = t.current_attempt AND s.status_id = 2)"
        )
    )
    events = evidence.rows(
        "SELECT e.id FROM requeue_event e JOIN task t ON t.id = e.task_id"
        f" JOIN assignment a ON a.id = t.assignment_id WHERE {scope}"
    )
    waiting = evidence.rows(
        "SELECT o.id FROM outbox o JOIN task_attempt n ON n.id = o.attempt_id JOIN task t ON t.id = n.task_id"
        f" JOIN assignment a ON a.id = t.assignment_id WHERE {scope} AND o.published_at IS NULL"
        " AND n.closed_at IS NULL"
    )
    return {
        "waiting": status[1] + status[IN_PROGRESS] - running,
        "running": running,
        "completed": status[COMPLETED],
        "failed": status[FAILED],
        "requeues": len(events),
        "outbox": len(waiting),
    }


def _flat(answer: dict[str, Any]) -> dict[str, Any]:
    funnel = answer["funnel"]
    return {name: answer["summary"][name] for name in ("completed", "failed", "requeues", "outbox")} | {
        "enrolled": funnel["enrolled"],
        "submitted": funnel["submitted"],
        "passed": {one["stage_name"]: one["students"] for one in funnel["passed"] if one["students"]},
        "completed stages": {
            one["stage_name"]: one["completed"] for one in answer["stages"] if one["completed"]
        },
        "failed stages": {one["stage_name"]: one["failed"] for one in answer["stages"] if one["failed"]},
        "per student": {one["submissions"]: one["students"] for one in answer["submissions_per_student"]},
        "failures": answer["failures"]["total"],
        "not submitted": len(answer["not_submitted"]),
        "feedback": answer["feedback"]["samples"],
        "by hour": sum(one["submitted"] for one in answer["hours"]),
    }


def _statistics(evidence: Evidence, number: int) -> dict[str, Any]:
    tasks = evidence.rows("SELECT * FROM task WHERE assignment_id = %s ORDER BY id", number)
    students = [
        row["user_id"]
        for row in evidence.rows(
            "SELECT user_id FROM course_member m JOIN assignment a ON a.course_id = m.course_id"
            " WHERE a.id = %s AND m.role = 'student'",
            number,
        )
    ]
    stages = evidence.rows(
        "SELECT t.id, s.status_id, p.stage_name FROM task t JOIN task_attempt n ON n.task_id = t.id"
        " AND n.number = t.current_attempt JOIN task_stage_status s ON s.attempt_id = n.id"
        " JOIN processing_stage p ON p.id = s.stage_id WHERE t.assignment_id = %s",
        number,
    )
    ended = evidence.rows(
        "SELECT n.id FROM task t JOIN task_attempt n ON n.task_id = t.id AND n.number = t.current_attempt"
        " WHERE t.assignment_id = %s AND n.ended_at IS NOT NULL",
        number,
    )
    latest = {task["created_by_id"]: task["id"] for task in tasks if task["created_by_id"] in students}
    often = Counter(task["created_by_id"] for task in tasks)
    summary = _summary(evidence, f"a.id = {number}")
    return {name: summary[name] for name in ("completed", "failed", "requeues", "outbox")} | {
        "enrolled": len(students),
        "submitted": len(latest),
        "passed": _by_stage([row for row in stages if row["id"] in latest.values()], COMPLETED),
        "completed stages": _by_stage(stages, COMPLETED),
        "failed stages": _by_stage(stages, FAILED),
        "per student": dict(Counter(often[student] for student in students)),
        "failures": summary["failed"],
        "not submitted": len(students) - len(latest),
        "feedback": len(ended),
        "by hour": len(tasks),
    }


def _by_stage(rows: list[dict[str, Any]], status: int) -> dict[str, int]:
    return dict(Counter(row["stage_name"] for row in rows if row["status_id"] == status))
