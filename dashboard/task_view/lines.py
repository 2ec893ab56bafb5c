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
_STALLED = re.compile(r"Stalled: nothing heard for (?P<minutes>\d+) min; (?P<last>.*)", re.DOTALL)


def said(line: LogLine) -> str:
    """The message, in the language of the reader where the platform said it."""
    if line.source is not LogSource.PLATFORM or i18n.language() == "en":
        return line.message
    return _wholes().get(line.message) or _move(line.message) or _numbered(line.message) or line.message


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


def as_recorded(words: str) -> tuple[str, ...]:
    """What lines of the platform are recorded as where `said` shows `words`, or more than them."""
    sought = words.strip().casefold()
    if not sought or i18n.language() == "en":
        return ()
    numbers = re.findall(r"\d+", sought)
    shape = re.sub(r"\d+", "{number}", sought)
    texts = _wholes() | _numbereds() | _parts()
    found = [text for text, shown in texts.items() if shape in shown.casefold()]
    if numbers:
        found = [text.replace("{number}", numbers[0]) for text in found]
    moved = sought
    for name, label in _status_names().items():
        moved = moved.replace(label.casefold(), name)
        if sought in label.casefold():
            found.append(name)
    return tuple(text.split("{")[0] for text in found) + ((moved,) if moved != sought else ())


def _wholes() -> dict[str, str]:
    return {
        "Submission received and stored": _("Submission received and stored"),
        "Submission received after the due date, marked as late, and stored": _(
            "Submission received after the due date, marked as late, and stored"
        ),
        "Sample received and stored for a dry run": _("Sample received and stored for a dry run"),
        "Late requeue notice for an earlier attempt": _("Late requeue notice for an earlier attempt"),
    }


def _parts() -> dict[str, str]:
    """Parts of lines about the move of a stage, and of one that is stalled."""
    return {
        "Stalled: nothing heard for": _("Nothing heard for {minutes} min."),
        "Late or repeated report": _("Late or repeated report: {stage} {after} (stays {before})"),
        "its files are up": _("{stage}: {before} → {after}, its files are up"),
    }


def _status_names() -> dict[str, str]:
    return {status.name: status_label(status).split(" ", 1)[1] for status in StageStatus}


def _move(message: str) -> str | None:
    if match := _STALLED.fullmatch(message):
        return _("Nothing heard for {minutes} min.").format(minutes=match["minutes"])
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
    names = _status_names()
    if not {match["before"], match["after"]} <= names.keys():
        return None
    return text.format(stage=match["stage"], before=names[match["before"]], after=names[match["after"]])


def _numbered(message: str) -> str | None:
    number = re.search(r"\d+", message)
    shown = _numbereds().get(re.sub(r"\d+", "{number}", message))
    return shown.format(number=number[0]) if shown and number else None


def _numbereds() -> dict[str, str]:
    return {
        "Requeued by hand: attempt {number}": _("Requeued by hand: attempt {number}"),
        "Requeued since nothing was heard of it: attempt {number}": _(
            "Requeued since nothing was heard of it: attempt {number}"
        ),
        "Run again on trial: attempt {number}": _("Run again on trial: attempt {number}"),
        "Trial applied: attempt {number} counts": _("Trial applied: attempt {number} counts"),
        "Trial discarded: attempt {number} counts": _("Trial discarded: attempt {number} counts"),
        "Requeued by the orchestrator: run {number}": _("Requeued by the orchestrator: run {number}"),
        "Handed out again by the broker, a node was lost: run {number}": _(
            "Handed out again by the broker, a node was lost: run {number}"
        ),
        "Handed out again by the broker after a crash: run {number}": _(
            "Handed out again by the broker after a crash: run {number}"
        ),
    }
