"""The form that sends a file to `/uploads/…` from the browser, with progress, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import TooLarge
from dashboard import i18n, process, shell
from dashboard.uploads.kept import KEPT, KeptFile

_ = i18n.gettext
_HERE = Path(__file__).parent

_form = st.components.v2.component(
    "ulos_upload",
    html=(_HERE / "form.html").read_text(encoding="utf-8"),
    css=(_HERE / "form.css").read_text(encoding="utf-8"),
    js=(_HERE / "form.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, slots=True)
class _Words:
    """What the form says of its own purpose. `send`: of its button; without one it sends at once."""

    file: str
    stopped: str
    send: str = ""
    accepted: str = ""


@dataclass(frozen=True, slots=True)
class _Door:
    """Where the form sends to, which files it offers, the most MB that it takes (0: the platform's)."""

    url: str
    accept: str = ".zip,application/zip"
    limit_mb: int = 0


def submission_form(assignment_id: int, on_accepted: Callable[[int], None]) -> None:
    """Draw the form for handing in work. See `_task_of_answer` for `on_accepted`."""
    words = _Words(
        _("Your work as a ZIP archive"), _("Cancelled. Nothing was submitted."), _("Submit"), _("Accepted")
    )
    _draw(f"upload-{assignment_id}", _Door(f"/uploads/{assignment_id}"), words, _task_of_answer(on_accepted))


def dry_run_form(definition_id: int, on_accepted: Callable[[int], None]) -> None:
    """Draw the form for a sample of a dry run. See `_task_of_answer` for `on_accepted`."""
    words = _Words(
        _("A sample submission as a ZIP archive"),
        _("Cancelled. Nothing was started."),
        _("Start the dry run"),
        _("Accepted"),
    )
    door = _Door(f"/uploads/dry-run/{definition_id}")
    _draw(f"sample-{definition_id}", door, words, _task_of_answer(on_accepted))


def file_form(
    name: str, label: str, on_chosen: Callable[[KeptFile], None], *, accept: str = "", limit_mb: int = 0
) -> None:
    """Draw a form that sends the chosen file at once; `on_chosen` gets it before the next run.

    In place of Streamlit's own uploader, which holds the file in memory and speaks English only
    (streamlit/streamlit#13500). `accept`: as of HTML's file input; the use case checks what it is.
    """

    def take(answer: dict[str, object]) -> None:
        person = shell.find_visitor()
        kept = KEPT.take(person.id, str(answer.get("token"))) if person else None
        if kept is not None:
            on_chosen(kept)

    words = _Words(label, _("Cancelled. Nothing was uploaded."), accepted=_("Uploaded"))
    _draw(name, _Door("/uploads/kept", accept, limit_mb), words, take)


def _task_of_answer(on_accepted: Callable[[int], None]) -> Callable[[dict[str, object]], None]:
    """`on_accepted` is called before the next run, with what the browser says is the task.

    That id is a hint: whoever shows the task asks the use case for it, which knows whose it is.
    """

    def accept(answer: dict[str, object]) -> None:
        task_id = answer.get("task_id")
        if isinstance(task_id, int):
            on_accepted(task_id)

    return accept


def _draw(name: str, door: _Door, words: _Words, on_answer: Callable[[dict[str, object]], None]) -> None:
    """Draw the form `name`; `on_answer` is called before the next run with what the browser was told."""

    def accept() -> None:
        answer = st.session_state[name].accepted
        if isinstance(answer, dict):
            shell.renew_form_key(name)
            on_answer(answer)

    limit_mb = min(door.limit_mb or process.settings().max_upload_mb, process.settings().max_upload_mb)
    _form(
        key=name,
        data={
            "url": door.url,
            "accept": door.accept,
            "submit_key": shell.form_key(name),
            "language": i18n.language(),
            "limit_bytes": limit_mb * 1_000_000,
            "labels": _labels(words, limit_mb),
        },
        on_accepted_change=accept,
    )


def _labels(words: _Words, limit_mb: int) -> dict[str, str]:
    return {
        "file": words.file,
        "choose": _("Choose a file"),
        "hint": _("or drop it here, at most {size}").format(size=i18n.bytes_text(limit_mb * 1_000_000)),
        "send": words.send,
        "stop": _("Cancel"),
        "sending": _("Sending"),
        "checking": _("Checking and storing…"),
        "stopped": words.stopped,
        "accepted": words.accepted,
        "no_zip": _("This file is no ZIP archive. Pack your work as .zip and choose that file."),
        "too_large": TooLarge(limit_mb=limit_mb).sentence(i18n.language()),
        "broken": _("The connection broke. Submit it again: if it had arrived already, it counts once.")
        if words.send
        else _("The connection broke. Choose the file again."),
        "failed": _("Something went wrong on our side. Submit it again in a minute."),
    }
