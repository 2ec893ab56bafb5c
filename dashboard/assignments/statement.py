"""The statement of an assignment: its Markdown and its PDF, and for professors how to change the PDF."""

from __future__ import annotations

from typing import BinaryIO, cast

import streamlit as st

from core.services import assignments
from core.services.assignments import AssignmentView
from dashboard import address, i18n, shell, uploads
from dashboard.uploads import KeptFile

_ = i18n.gettext
KEY = "statement"


def toggle(assignment_id: int) -> None:
    """Open the part of this assignment in which its PDF is changed, or close it."""
    address.put(KEY, "" if is_open(assignment_id) else str(assignment_id))


def is_open(assignment_id: int) -> bool:
    """Return whether the address names this assignment."""
    return st.query_params.get(KEY) == str(assignment_id)


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
    chosen_key = f"statement-file-{view.id}"
    uploads.file_form(
        f"statement-form-{view.id}",
        _("Statement (PDF)") if view.statement is None else _("Put another PDF in its place"),
        lambda kept: st.session_state.update({chosen_key: kept}),
        accept=".pdf",
        limit_mb=assignments.STATEMENT_LIMIT_MB,
    )
    chosen: KeptFile | None = st.session_state.pop(chosen_key, None)
    if chosen is not None:
        file = cast("BinaryIO", chosen.file)
        assignments.put_statement(visit.ctx, visit.actor, view.id, file, file_name=chosen.name)
        st.toast(_("The PDF is saved: {name}").format(name=i18n.plain(chosen.name)))
        st.rerun()
    if view.statement is not None and st.button(_("Remove the PDF"), key=f"statement-remove-{view.id}"):
        assignments.remove_statement(visit.ctx, visit.actor, view.id)
        st.rerun()
