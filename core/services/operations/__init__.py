"""Re-runs of many submissions in the background: select, start, follow, stop, and carry out."""

from core.services.operations.carrying import OPERATIONS_TOPIC, carry_out_next, give_up_item
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
    "OPERATIONS_TOPIC",
    "PAGE",
    "ChosenTasks",
    "FailuresOf",
    "ItemView",
    "MatchingStudents",
    "OperationView",
    "Preview",
    "SampleTask",
    "Selection",
    "carry_out_next",
    "get",
    "give_up_item",
    "list_items",
    "list_mine",
    "preview_requeue",
    "start_requeue",
    "stop",
]
