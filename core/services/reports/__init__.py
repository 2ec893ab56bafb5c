"""What the orchestrator says about tasks, over HTTP and over the broker.

The rules of attempts and runs are those of contract 1.1: within a run a stage moves only forward; a
repeated, late or backward report moves nothing and is kept in the history; what concerns an older
attempt is history too.
"""

from core.services.reports.callbacks import (
    LogReceived,
    RequeueNoted,
    TaskState,
    add_task_log,
    note_requeue,
    parse_status,
    set_stage_statuses,
)
from core.services.reports.effects import REASON_LIMIT
from core.services.reports.orchestrator import Applied, apply_reports, note_acknowledged, park_report
from core.services.reports.parked import (
    Parked,
    apply_parked,
    count_parked,
    discard_parked,
    list_parked,
)
from core.wire.reports import MESSAGE_LIMIT

__all__ = [
    "MESSAGE_LIMIT",
    "REASON_LIMIT",
    "Applied",
    "LogReceived",
    "Parked",
    "RequeueNoted",
    "TaskState",
    "add_task_log",
    "apply_parked",
    "apply_reports",
    "count_parked",
    "discard_parked",
    "list_parked",
    "note_acknowledged",
    "note_requeue",
    "park_report",
    "parse_status",
    "set_stage_statuses",
]
