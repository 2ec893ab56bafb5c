"""Submissions: accepting them, and showing where they stand."""

from core.services.queueing import WaitingReason
from core.services.submissions.accepting import Receipt
from core.services.submissions.admission import Admission, get_admission, list_admissions
from core.services.submissions.listing import TaskFilter, TaskPage, list_tasks
from core.services.submissions.logs import LogLine
from core.services.submissions.overview import (
    SortBy,
    StudentPage,
    StudentRow,
    list_students,
    overview,
)
from core.services.submissions.own import find_my_latest, get_as_accepted, is_student_of
from core.services.submissions.reading import (
    AttemptView,
    StageView,
    TaskSummary,
    TaskView,
    get_task,
    list_my_tasks,
    open_original,
)
from core.services.submissions.rows import TaskRow
from core.services.submissions.stages import StageMark
from core.services.submissions.students import StudentFilter, Which
from core.services.submissions.submit import check_may_submit, submit
from core.services.submissions.tail import LogPart, read_log

__all__ = [
    "Admission",
    "AttemptView",
    "LogLine",
    "LogPart",
    "Receipt",
    "SortBy",
    "StageMark",
    "StageView",
    "StudentFilter",
    "StudentPage",
    "StudentRow",
    "TaskFilter",
    "TaskPage",
    "TaskRow",
    "TaskSummary",
    "TaskView",
    "WaitingReason",
    "Which",
    "check_may_submit",
    "find_my_latest",
    "get_admission",
    "get_as_accepted",
    "get_task",
    "is_student_of",
    "list_admissions",
    "list_my_tasks",
    "list_students",
    "list_tasks",
    "open_original",
    "overview",
    "read_log",
    "submit",
]
