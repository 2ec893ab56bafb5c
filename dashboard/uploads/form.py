"""The form that sends an archive to `/uploads/…` from the browser, with progress."""

from __future__ import annotations

from collections.abc import Callable
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


def form(number: int, on_accepted: Callable[[int], None], *, dry_run: bool = False) -> None:
    """Draw the form for the assignment `number`, or for a dry run of the definition `number`.

    `on_accepted` is called before the next run, with what the browser says is the task. That id is a
    hint: whoever shows the task asks the use case for it, which knows whose it is.
    """
    name = f"sample-{number}" if dry_run else f"upload-{number}"

    def accept() -> None:
        task_id = (st.session_state[name].accepted or {}).get("task_id")
        if isinstance(task_id, int):
            shell.renew_form_key(name)
            on_accepted(task_id)

    settings = process.settings()
    _form(
        key=name,
        data={
            "url": f"/uploads/dry-run/{number}" if dry_run else f"/uploads/{number}",
            "submit_key": shell.form_key(name),
            "language": i18n.language(),
            "limit_bytes": settings.max_upload_bytes,
            "labels": {
                "file": _("A sample submission as a ZIP archive")
                if dry_run
                else _("Your work as a ZIP archive"),
                "choose": _("Choose a file"),
                "hint": _("or drop it here, at most {size}").format(
                    size=i18n.bytes_text(settings.max_upload_bytes)
                ),
                "send": _("Start the dry run") if dry_run else _("Submit"),
                "stop": _("Cancel"),
                "sending": _("Sending"),
                "checking": _("Checking and storing…"),
                "stopped": _("Cancelled. Nothing was started.")
                if dry_run
                else _("Cancelled. Nothing was submitted."),
                "accepted": _("Accepted"),
                "too_large": TooLarge(limit_mb=settings.max_upload_mb).sentence(i18n.language()),
                "broken": _(
                    "The connection broke. Submit it again: if it had arrived already, it counts once."
                ),
                "failed": _("Something went wrong on our side. Submit it again in a minute."),
            },
        },
        on_accepted_change=accept,
    )
