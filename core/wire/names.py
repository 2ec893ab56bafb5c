"""Names that both sides know: the exchange, the keys of reports, and what a name may be made of."""

from __future__ import annotations

import re

PLAIN = re.compile(r"[A-Za-z0-9._/-]+")
"""What the values of taskId, taskOwnerId, filePath, exchange and routingKey may be made of."""

EXCHANGE = "processing-exchange"

NODE_KEYS = (
    "cypress-grammar",
    "cypress-execution",
    "gcode-execution",
    "kotlin-execution",
    "pass",
    "skip",
    "fail",
    "crash",
)
"""Routing keys that a node has an executor for; the last four are for trials, as are those of `testing-*`."""

LOG_KEY = "task.log"
CRASHED_KEY = "task.crashed"
DONE_KEY = "task.done"
FAILED_KEY = "task.failed"

LEAVES = frozenset({DONE_KEY, FAILED_KEY})
"""Keys that end a routing tree."""

REPORT_KEYS = (LOG_KEY, CRASHED_KEY, DONE_KEY, FAILED_KEY)
"""What the report queue is bound to, at `EXCHANGE`."""

REPORT_QUEUE = "ulos.reports"
REPORT_DEAD_LETTERS = "ulos.reports.dead"
"""Where the broker puts what the report queue refuses."""
