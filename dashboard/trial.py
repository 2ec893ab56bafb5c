"""A trial re-run: what would change, side by side, and the decision about all of it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import operations
from core.services.operations import Change, OperationView
from core.vocabulary import OperationState, StageStatus, TrialDecision
from dashboard import i18n, shell
from dashboard.tables import status_label

_ = i18n.gettext


def show(visit: shell.Visit, view: OperationView) -> None:
    """Draw counts, the table with what changed first, and what can be decided."""
    changes = operations.count_changes(visit.ctx, visit.actor, view.id)
    text = _("Passed → failed: {worse} · failed → passed: {better} · same: {same} · no result yet: {open}")
    counts = {
        "worse": changes.worse,
        "better": changes.better,
        "same": changes.same,
        "open": changes.under_way,
    }
    st.write(text.format(**{name: i18n.number_text(count) for name, count in counts.items()}))
    pages = max(1, -(-changes.total // operations.CHANGES_PAGE))
    page = st.pagination(pages, key=f"changes-page-{view.id}") if pages > 1 else 1
    rows = [_row(one) for one in operations.list_changes(visit.ctx, visit.actor, view.id, page=page)]
    if rows:
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            key=f"changes-{view.id}",
            alt=_("Each submission: what counts, and what the trial came to"),
        )
    if view.decision is not None:
        said = {
            TrialDecision.APPLIED: "✔ " + _("Applied: the new results count."),
            TrialDecision.DISCARDED: "✖ " + _("Discarded: what counted before still counts."),
        }
        st.write(said[view.decision])
    elif view.state is not OperationState.RUNNING:
        _decide(visit, view, changes)


def _row(change: Change) -> dict[str, str]:
    changed = change.after is not None and change.after is not change.before
    return {
        _("Changed"): "≠" if changed else "",
        _("Student"): change.student_email,
        _("Assignment"): change.assignment_name,
        _("Reference"): change.reference,
        _("Counts now"): f"{status_label(change.before)} ({change.before_attempt})",
        _("Trial"): f"{status_label(change.after or StageStatus.IN_PROGRESS)} ({change.attempt})",
    }


def _decide(visit: shell.Visit, view: OperationView, changes: operations.Changes) -> None:
    if changes.under_way:
        st.caption(_("It can be applied once every submission has its result."))
    with st.container(horizontal=True):
        with (
            st.popover(_("Apply") + "…", key=f"apply-popover-{view.id}", disabled=bool(changes.under_way)),
            shell.errors(),
        ):
            one = "The new result of one submission counts from now on, in place of the old one."
            many = "The new results of {count} submissions count from now on, in place of the old ones."
            st.write(i18n.plural(one, many, changes.total))
            if st.button(_("Apply all"), key=f"apply-{view.id}", type="primary"):
                operations.apply_trial(visit.ctx, visit.actor, view.id)
                st.rerun()
        with st.popover(_("Discard") + "…", key=f"discard-popover-{view.id}"), shell.errors():
            one = "The new result of one submission never counts; the old one stays."
            many = "The new results of {count} submissions never count; the old ones stay."
            st.write(i18n.plural(one, many, changes.total))
            if st.button(_("Discard all"), key=f"discard-{view.id}", type="primary"):
                operations.discard_trial(visit.ctx, visit.actor, view.id)
                st.rerun()
