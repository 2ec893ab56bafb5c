"""The form that sends an archive to `/uploads/…` from the browser, with progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import TooLarge
from dashboard import i18n, process, shell

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
    """What the form says of its own purpose."""

    file: str
    send: str
    stopped: str


def submission_form(assignment_id: int, on_accepted: Callable[[int], None]) -> None:
    """Draw the form for handing in work. See `_draw` for `on_accepted`."""
    words = _Words(_("Your work as a ZIP archive"), _("Submit"), _("Cancelled. Nothing was submitted."))
    _draw(f"upload-{assignment_id}", f"/uploads/{assignment_id}", words, on_accepted)


def dry_run_form(definition_id: int, on_accepted: Callable[[int], None]) -> None:
    """Draw the form for a sample of a dry run. See `_draw` for `on_accepted`."""
    words = _Words(
        _("A sample submission as a ZIP archive"),
        _("Start the dry run"),
        _("Cancelled. Nothing was started."),
    )
    _draw(f"sample-{definition_id}", f"/uploads/dry-run/{definition_id}", words, on_accepted)


def _draw(name: str, url: str, words: _Words, on_accepted: Callable[[int], None]) -> None:
    """Draw the form `name`, which sends to `url`.

    `on_accepted` is called before the next run, with what the browser says is the task. That id is a
    hint: whoever shows the task asks the use case for it, which knows whose it is.
    """

    def accept() -> None:
        task_id = (st.session_state[name].accepted or {}).get("task_id")
        if isinstance(task_id, int):
            shell.renew_form_key(name)
            on_accepted(task_id)

    _form(
        key=name,
        data={
            "url": url,
            "submit_key": shell.form_key(name),
            "language": i18n.language(),
            "limit_bytes": process.settings().max_upload_bytes,
            "labels": _labels(words),
        },
        on_accepted_change=accept,
    )


def _labels(words: _Words) -> dict[str, str]:
    settings = process.settings()
    size = i18n.bytes_text(settings.max_upload_bytes)
    return {
        "file": words.file,
        "choose": _("Choose a file"),
        "hint": _("or drop it here, at most {size}").format(size=size),
        "send": words.send,
        "stop": _("Cancel"),
        "sending": _("Sending"),
        "checking": _("Checking and storing…"),
        "stopped": words.stopped,
        "accepted": _("Accepted"),
        "too_large": TooLarge(limit_mb=settings.max_upload_mb).sentence(i18n.language()),
        "broken": _("The connection broke. Submit it again: if it had arrived already, it counts once."),
        "failed": _("Something went wrong on our side. Submit it again in a minute."),
    }
