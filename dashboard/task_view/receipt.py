"""The receipt of a submission: what it says, as a small file, and the link that checks it."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from core.services import receipts
from core.services.submissions import TaskView
from dashboard import i18n, moments, shell

_ = i18n.gettext


def show(visit: shell.Visit, task: TaskView, *, expanded: bool = False) -> None:
    """Draw the receipt; only the student who handed in gets it, and none is for a dry run."""
    summary = task.summary
    if summary.student_id != visit.actor.user_id or summary.dry_run_of is not None:
        return
    with st.expander(_("Receipt"), expanded=expanded, key=f"receipt-{summary.id}"):
        code = receipts.issue(visit.ctx, visit.actor, summary.id)
        facts = {
            _("Reference"): summary.reference,
            _("Assignment"): summary.assignment_name,
            _("File"): f"{summary.file_name} ({i18n.bytes_text(task.size)}, {task.size} B)",
            _("Received"): moments.moment_text(summary.created_at, visit)
            + (f" · {_('Late')}" if summary.is_late else ""),
            "UTC": summary.created_at.isoformat(),
            "SHA-256": task.sha256,
        }
        lines = [f"{label}: {value}" for label, value in facts.items()]
        st.code("\n".join(lines), language=None, wrap_lines=True)
        st.download_button(
            _("Download the receipt"),
            "\n".join([f"ULOS · {_('Receipt')}", "", *lines, "", f"{_('Code')}:", code, ""]),
            f"ulos-{summary.reference}.txt",
            "text/plain",
            key=f"receipt-file-{summary.id}",
            on_click="ignore",
            width="stretch",
        )
        st.link_button(_("Check this receipt"), f"/receipt?code={quote(code)}", width="stretch")
