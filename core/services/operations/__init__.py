"""Re-runs of many submissions in the background: select, start, follow, stop, and carry out."""

from core.services.operations.carrying import OPERATIONS_TOPIC, carry_out_next, give_up_item
from core.services.operations.comparing import (
    CHANGES_PAGE,
    Change,
    Changes,
    count_changes,
    list_changes,
)
from core.services.operations.deciding import apply_trial, discard_trial
from core.services.operations.following import (
    PAGE,
    ItemView,
    OperationView,
    get,
    list_items,
    list_mine,
    stop,
)
from core.services.operations.selecting import ChosenTasks, FailuresOf, MatchingStudents, Selection
from core.services.operations.starting import Preview, SampleTask, preview_requeue, start_requeue

__all__ = [
    "CHANGES_PAGE",
    "OPERATIONS_TOPIC",
    "PAGE",
    "Change",
    "Changes",
    "ChosenTasks",
    "FailuresOf",
    "ItemView",
    "MatchingStudents",
    "OperationView",
    "Preview",
    "SampleTask",
    "Selection",
    "apply_trial",
    "carry_out_next",
    "count_changes",
    "discard_trial",
    "get",
    "give_up_item",
    "list_changes",
    "list_items",
    "list_mine",
    "preview_requeue",
    "start_requeue",
    "stop",
]
