"""Lines of a log in the reader's language: what the platform says is translated, what nodes say is theirs."""

from __future__ import annotations

import re

from core.services.submissions import LogLine
from core.vocabulary import LogLevel, LogSource, StageStatus
from dashboard import i18n
from dashboard.tables import status_label

_ = i18n.gettext

_MOVE = re.compile(r"(?P<stage>.+): (?P<before>[A-Z_]+) → (?P<after>[A-Z_]+)(?P<files>, its files are up)?")
_REPEATED = re.compile(
    r"Late or repeated report: (?P<stage>.+) (?P<after>[A-Z_]+) \(stays (?P<before>[A-Z_]+)\)"
)
_NUMBERED = re.compile(r"(?P<what>\D+?):? (?P<kind>attempt|run) (?P<number>\d+)(?: counts)?")
_STALLED = re.compile(r"Stalled: nothing heard for (?P<minutes>\d+) min; (?P<last>.*)", re.DOTALL)


def said(line: LogLine) -> str:
    """The message, in the language of the reader where the platform said it."""
    if line.source is not LogSource.PLATFORM or i18n.language() == "en":
        return line.message
    return _whole(line.message) or _move(line.message) or _numbered(line.message) or line.message


def level_label(level: LogLevel) -> str:
    """How much a line matters, in a word."""
    return {
        LogLevel.INFO: _("Information"),
        LogLevel.WARNING: _("Warning"),
        LogLevel.ERROR: _("Error"),
    }[level]


def source_label(source: LogSource) -> str:
    """Who said a line."""
    return {LogSource.PLATFORM: _("Platform"), LogSource.ORCHESTRATOR: _("Orchestrator")}[source]


def _whole(message: str) -> str | None:
    return {
        "Submission received and stored": _("Submission received and stored"),
        "Submission received after the due date, marked as late, and stored": _(
            "Submission received after the due date, marked as late, and stored"
        ),
        "Sample received and stored for a dry run": _("Sample received and stored for a dry run"),
        "Late requeue notice for an earlier attempt": _("Late requeue notice for an earlier attempt"),
    }.get(message)


def _move(message: str) -> str | None:
    if match := _STALLED.fullmatch(message):
        return _("Nothing heard for {minutes} minutes.").format(minutes=match["minutes"])
    if match := _REPEATED.fullmatch(message):
        text = _("Late or repeated report: {stage} {after} (stays {before})")
    elif match := _MOVE.fullmatch(message):
        text = (
            _("{stage}: {before} → {after}, its files are up")
            if match["files"]
            else "{stage}: {before} → {after}"
        )
    else:
        return None
    names = {status.name: status_label(status).split(" ", 1)[1] for status in StageStatus}
    if not {match["before"], match["after"]} <= names.keys():
        return None
    return text.format(stage=match["stage"], before=names[match["before"]], after=names[match["after"]])


def _numbered(message: str) -> str | None:
    match = _NUMBERED.fullmatch(message)
    texts = {
        "Requeued by hand": _("Requeued by hand: attempt {number}"),
        "Requeued since nothing was heard of it": _(
            "Requeued since nothing was heard of it: attempt {number}"
        ),
        "Run again on trial": _("Run again on trial: attempt {number}"),
        "Trial applied": _("Trial applied: attempt {number} counts"),
        "Trial discarded": _("Trial discarded: attempt {number} counts"),
        "Requeued by the orchestrator": _("Requeued by the orchestrator: run {number}"),
        "Handed out again by the broker, a node was lost": _(
            "Handed out again by the broker, a node was lost: run {number}"
        ),
        "Handed out again by the broker after a crash": _(
            "Handed out again by the broker after a crash: run {number}"
        ),
    }
    return texts[match["what"]].format(number=match["number"]) if match and match["what"] in texts else None
