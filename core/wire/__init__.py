"""What travels between us and the orchestrator: pure encoding and decoding, no input or output."""

from __future__ import annotations

from core.wire.message import (
    RoutingDecision,
    StageOrder,
    TaskMessage,
    Undecodable,
    decode,
    encode,
    plan_route,
    read_destination,
)
from core.wire.names import (
    CRASHED_KEY,
    DONE_KEY,
    EXCHANGE,
    FAILED_KEY,
    LOG_KEY,
    NODE_KEYS,
    PLAIN,
    REPORT_DEAD_LETTERS,
    REPORT_KEYS,
    REPORT_QUEUE,
)

__all__ = [
    "CRASHED_KEY",
    "DONE_KEY",
    "EXCHANGE",
    "FAILED_KEY",
    "LOG_KEY",
    "NODE_KEYS",
    "PLAIN",
    "REPORT_DEAD_LETTERS",
    "REPORT_KEYS",
    "REPORT_QUEUE",
    "RoutingDecision",
    "StageOrder",
    "TaskMessage",
    "Undecodable",
    "decode",
    "encode",
    "plan_route",
    "read_destination",
]
