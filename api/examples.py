"""Larger examples of the document."""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]

EXAMPLE_STAGES: list[Any] = [
    {
        "id": 11,
        "processing_stage": {"stage_name": "PARSING"},
        "processing_status": {"id": 3, "status_name": "COMPLETED"},
        "queued_at": "2026-03-02T15:00:00Z",
        "started_at": "2026-03-02T15:00:04Z",
        "ended_at": "2026-03-02T15:00:09Z",
        "reason": None,
    },
    {
        "id": 12,
        "processing_stage": {"stage_name": "EXECUTION"},
        "processing_status": {"id": 2, "status_name": "IN_PROGRESS"},
        "queued_at": "2026-03-02T15:00:09Z",
        "started_at": "2026-03-02T15:00:10Z",
        "ended_at": None,
        "reason": None,
    },
]

EXAMPLE_TASK: Example = {
    "id": 7,
    "assignment_id": 3,
    "course_id": 1,
    "created_by_id": 45,
    "student_email": "student@uniandes.edu.co",
    "creation_timestamp": "2026-03-02T15:00:00Z",
    "status": "IN_PROGRESS",
    "attempt": 1,
    "reference": "7KQ2MX9PWD",
    "file_name": "cube.zip",
    "size": 20480,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "stage_statuses": EXAMPLE_STAGES,
    "is_late": False,
    "metrics": {"requeue_count": 0},
}

EXAMPLE_DETAIL: Example = EXAMPLE_TASK | {
    "assignment_name": "Print a cube",
    "student_name": "Ana Pérez",
    "attempts": [
        {
            "number": 1,
            "run": 1,
            "created_at": "2026-03-02T15:00:00Z",
            "copied_at": "2026-03-02T15:00:00Z",
            "published_at": "2026-03-02T15:00:01Z",
            "ended_at": None,
            "closed_at": None,
            "stalled_at": None,
            "crash_loop_at": None,
            "results_lack": [],
            "stage_statuses": EXAMPLE_STAGES,
        }
    ],
    "logs": [
        {
            "id": 90,
            "attempt": 1,
            "run": 1,
            "stage_name": "PARSING",
            "level": "info",
            "source": "orchestrator",
            "log_message": "Task received for processing",
            "creation_timestamp": "2026-03-02T15:00:04Z",
        }
    ],
    "logs_cursor": None,
}

EXAMPLE_ACCEPTED: Example = EXAMPLE_TASK | {
    "receipt": {
        "reference": "7KQ2MX9PWD",
        "file_name": "cube.zip",
        "size": 20480,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "received_at": "2026-03-02T15:00:00Z",
        "code": "eyJ0…",
    }
}

EXAMPLE_STATISTICS: Example = {
    "assignment_id": 4,
    "due": "2026-03-10T04:59:00Z",
    "summary": {
        "waiting": 1,
        "running": 0,
        "completed": 24,
        "failed": 3,
        "requeues": 2,
        "outbox": 0,
        "oldest_waiting_seconds": 4.5,
    },
    "funnel": {
        "enrolled": 30,
        "submitted": 20,
        "passed": [{"stage_name": "PARSING", "students": 19}, {"stage_name": "EXECUTION", "students": 18}],
    },
    "stages": [{"stage_name": "PARSING", "waiting": 1, "running": 0, "completed": 26, "failed": 1}],
    "times": [
        {
            "stage_name": "PARSING",
            "waiting": {"samples": 27, "p50": 0.8, "p90": 2.1, "p99": 6.0},
            "running": {"samples": 27, "p50": 3.2, "p90": 4.0, "p99": 4.4},
        }
    ],
    "feedback": {"samples": 27, "p50": 9.0, "p90": 14.5, "p99": 31.0},
    "hours": [{"hour": "2026-03-02T15:00:00Z", "submitted": 9, "completed": 7, "failed": 1, "requeued": 0}],
    "submissions_per_student": [{"submissions": 1, "students": 13}, {"submissions": 2, "students": 7}],
    "failures": {"total": 3, "groups": []},
    "not_submitted": [
        {"student_id": 46, "student_email": "luis.perez@uniandes.edu.co", "student_name": "Luis Pérez"}
    ],
    "at_risk": [
        {
            "student_id": 45,
            "student_email": "ana.gomez@uniandes.edu.co",
            "student_name": "Ana Gómez",
            "failures": 3,
            "task_id": 7,
            "submitted_at": "2026-03-09T22:10:00Z",
            "stage_name": "PARSING",
            "reason": "Line 3: unknown command",
        }
    ],
}

EXAMPLE_TIMELINE: Example = {
    "span": "hour",
    "latency": [
        {
            "at": "2026-03-02T15:00:00Z",
            "is_open": False,
            "stage_name": "PARSING",
            "waited": {"samples": 40, "p50": 2.1, "p95": 9.8, "p99": 14.0},
            "ran": {"samples": 40, "p50": 3.4, "p95": 6.2, "p99": 7.9},
        }
    ],
    "throughput": [
        {"hour": "2026-03-02T15:00:00Z", "submitted": 41, "completed": 32, "failed": 8, "requeued": 1}
    ],
    "week_before": [
        {"hour": "2026-02-23T15:00:00Z", "submitted": 12, "completed": 11, "failed": 1, "requeued": 0}
    ],
    "marks": [{"at": "2026-03-02T15:20:00Z", "name": "G-code", "version": 2}],
}
