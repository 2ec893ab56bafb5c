"""The statement of an assignment: its Markdown and its PDF, and for professors how to change the PDF."""

from __future__ import annotations

import streamlit as st

from core.services import assignments
from core.services.assignments import AssignmentView
from dashboard import i18n, shell

_ = i18n.gettext


def show(view: AssignmentView, *, place: str) -> None:
    """Draw what a student is to read. `place` tells several on one page apart."""
    if view.assignment_description:
        st.markdown(view.assignment_description)
    if view.statement is not None:
        st.link_button(
            f"⤓ {_('Statement (PDF)')} · {i18n.plain(view.statement.file_name)} · "
            f"{i18n.bytes_text(view.statement.size)}",
            shell.download_url("statement", view.id),
            key=f"statement-pdf-{place}-{view.id}",
        )


def change(visit: shell.Visit, view: AssignmentView) -> None:
    """Upload a PDF in place of the one before, or take it away."""
    turn_key = f"statement-turn-{view.id}"
    turn = st.session_state.setdefault(turn_key, 0)
    file = st.file_uploader(
        _("Statement (PDF)"),
        type="pdf",
        key=f"statement-file-{view.id}-{turn}",
        max_upload_size=assignments.STATEMENT_LIMIT_MB,
    )
    if file is not None and st.button(_("Save the PDF"), key=f"statement-save-{view.id}", type="primary"):
        assignments.put_statement(visit.ctx, visit.actor, view.id, file, file_name=file.name)
        st.session_state[turn_key] = turn + 1  # an empty widget: its bytes are freed
        st.toast(_("Saved."))
        st.rerun()
    if view.statement is not None and st.button(_("Remove the PDF"), key=f"statement-remove-{view.id}"):
        assignments.remove_statement(visit.ctx, visit.actor, view.id)
        st.rerun()
