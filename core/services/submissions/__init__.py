"""Submissions: accepting them, and showing where they stand."""

from core.services.queueing import WaitingReason
from core.services.submissions.overview import StudentRow, overview
from core.services.submissions.reading import (
    AttemptView,
    LogLine,
    StageView,
    TaskSummary,
    TaskView,
    get_task,
    list_my_tasks,
    open_original,
)
from core.services.submissions.submit import Receipt, submit

__all__ = [
    "AttemptView",
    "LogLine",
    "Receipt",
    "StageView",
    "StudentRow",
    "TaskSummary",
    "TaskView",
    "WaitingReason",
    "get_task",
    "list_my_tasks",
    "open_original",
    "overview",
    "submit",
]
