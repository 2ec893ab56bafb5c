"""Figures for those who watch. All of them are counted from the rows, over all that is in scope."""

from core.services.monitoring.consumers import QueueState, read_consumers, read_report_queue
from core.services.monitoring.diagnosis import ABOUT_FAILURES, Answer, Figures, diagnose
from core.services.monitoring.evidence import Evidence, gather_evidence
from core.services.monitoring.failures import (
    FailedTask,
    FailureGroup,
    Failures,
    group_failures,
    list_failures,
)
from core.services.monitoring.offenders import (
    Offender,
    count_requeues_by_course,
    count_requeues_by_definition,
    list_offenders,
)
from core.services.monitoring.overall import (
    Components,
    answer_for,
    read_components,
)
from core.services.monitoring.places import CourseQueue, count_by_course, measure_outbox_lag
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
from core.services.monitoring.timeline import (
    A_WEEK,
    MOST_MARKS,
    Mark,
    Timeline,
    fitting_span,
    list_marks,
    read_timeline,
)
from core.services.monitoring.times import (
    LatencyPoint,
    Percentiles,
    StageLatency,
    measure_latency,
    trace_latency,
)
from core.services.monitoring.verdicts import Verdicts, count_verdicts

__all__ = [
    "ABOUT_FAILURES",
    "A_WEEK",
    "MOST_MARKS",
    "Answer",
    "Components",
    "CourseQueue",
    "Evidence",
    "FailedTask",
    "FailureGroup",
    "Failures",
    "Figures",
    "HourCount",
    "LatencyPoint",
    "Mark",
    "Offender",
    "Percentiles",
    "Queue",
    "QueueState",
    "RequeueCount",
    "RequeueFigures",
    "Scope",
    "StageCount",
    "StageLatency",
    "StageQueue",
    "Summary",
    "Timeline",
    "Verdicts",
    "answer_for",
    "count_by_course",
    "count_by_hour",
    "count_by_stage",
    "count_requeues",
    "count_requeues_by_course",
    "count_requeues_by_definition",
    "count_verdicts",
    "diagnose",
    "fitting_span",
    "gather_evidence",
    "group_failures",
    "list_failures",
    "list_marks",
    "list_offenders",
    "measure_latency",
    "measure_outbox_lag",
    "read_components",
    "read_consumers",
    "read_queue",
    "read_report_queue",
    "read_timeline",
    "sum_requeues",
    "summarise",
    "trace_latency",
]
