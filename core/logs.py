"""Logging of every process: one format, with the id of the request that a line belongs to.

Lines are text by default and JSON with `ULOS_LOG_FORMAT=json`. What is bound to the context with
`bind_request_id` appears in each line of the same request, in the threads that work for it too.
"""

from __future__ import annotations

import logging
import secrets
import sys
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor

from core.config import Settings

REQUEST_ID = "request_id"

_NOISY = ("aioftp", "alembic", "httpx", "httpcore", "multipart", "python_multipart")
"""Libraries whose INFO lines tell operators nothing."""

_SILENT = ("pika",)
"""Libraries that log each error several times, with tracebacks, and raise it too."""


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send all log lines of this process to `stream` (stderr by default). Safe to call again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render: Processor = structlog.processors.JSONRenderer() if settings.log_format == "json" else _as_text
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def adopt(*libraries: str) -> None:
    """Let the loggers of `libraries` use our handler: some libraries give each logger its own."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in libraries:
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.NOTSET)


def new_request_id() -> str:
    """Return a fresh request id."""
    return secrets.token_hex(8)


def bind_request_id(request_id: str) -> None:
    """Name the request that this context works for; log lines carry it from now on."""
    structlog.contextvars.bind_contextvars(**{REQUEST_ID: request_id})


def find_request_id() -> str | None:
    """Return the id of the request that this context works for, if any."""
    found = structlog.contextvars.get_contextvars().get(REQUEST_ID)
    return found if isinstance(found, str) else None


def log_incident(logger: logging.Logger, where: str, error: BaseException) -> str:
    """Log an unexpected error with its traceback under a new incident id, and return the id."""
    incident = secrets.token_hex(4)
    logger.error("incident %s at %s", incident, where, exc_info=error)
    return incident


def _as_text(_logger: object, _name: str, event: EventDict) -> str:
    """Render `time LEVEL logger: event key=value`, and the traceback on the lines below."""
    exception = event.pop("exception", None)
    stamp, level = event.pop("timestamp"), str(event.pop("level")).upper()
    line = f"{stamp} {level} {event.pop('logger')}: {event.pop('event')}"
    line += "".join(f" {name}={value}" for name, value in event.items())
    return line if exception is None else f"{line}\n{exception}"
