"""Figures for those who watch. All of them are counted from the rows, over all that is in scope."""

from core.services.monitoring.failures import (
    FailedTask,
    FailureGroup,
    Failures,
    group_failures,
    list_failures,
)
from core.services.monitoring.queue import Queue, StageQueue, read_queue
from core.services.monitoring.requeues import RequeueCount, RequeueFigures, count_requeues, sum_requeues
from core.services.monitoring.scope import Scope
from core.services.monitoring.summary import (
    HourCount,
    StageCount,
    Summary,
    count_by_hour,
    count_by_stage,
    summarise,
)

__all__ = [
    "FailedTask",
    "FailureGroup",
    "Failures",
    "HourCount",
    "Queue",
    "RequeueCount",
    "RequeueFigures",
    "Scope",
    "StageCount",
    "StageQueue",
    "Summary",
    "count_by_hour",
    "count_by_stage",
    "count_requeues",
    "group_failures",
    "list_failures",
    "read_queue",
    "sum_requeues",
    "summarise",
]
