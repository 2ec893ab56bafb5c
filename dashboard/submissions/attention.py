"""Where somebody should act: failures by cause, students at risk, students without a submission."""

from __future__ import annotations

from zlib import crc32

import pandas as pd
import streamlit as st

from core.services.monitoring import Scope
from core.services.operations import FailuresOf
from core.services.statistics import AT_RISK_BEFORE, AT_RISK_FAILURES, Statistics
from dashboard import i18n, rerun, shell

_ = i18n.gettext


def show(visit: shell.Visit, figures: Statistics) -> None:
    """The three lists, and running the failures of one cause again."""
    _causes(visit, figures)
    left, right = st.columns(2)
    with left:
        _at_risk(visit, figures)
    with right:
        _missing(figures)


def _causes(visit: shell.Visit, figures: Statistics) -> None:
    st.subheader(_("Why submissions fail"))
    groups = figures.failures.groups
    if not groups:
        st.info(_("Nothing stands failed."))
        return
    rows = [
        {
            _("Submissions"): group.count,
            _("Reason"): group.message or _("The stage gave no reason."),
            _("Students"): group.students,
            _("Stages"): ", ".join(group.stages),
            _("First"): i18n.datetime_text(group.first_seen, visit.zone),
            _("Last"): i18n.datetime_text(group.last_seen, visit.zone),
        }
        for group in groups
    ]
    picked = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"causes-{crc32(repr([group.id for group in groups]).encode())}",
        alt=_("Why submissions fail"),
    )
    st.caption(_("Choose a row to run its submissions again."))
    chosen = [groups[index] for index in picked.selection.rows if index < len(groups)]
    if chosen:
        scope = Scope(assignment_id=figures.assignment_id)
        rerun.ask(visit, FailuresOf(scope, chosen[0].id), key="cause")


def _at_risk(visit: shell.Visit, figures: Statistics) -> None:
    st.subheader(_("At risk") + f" ({i18n.number_text(len(figures.at_risk))})")
    text = _(
        "Passed nothing, failed at least {count} times, the last time within {days} days of the due date."
    )
    st.caption(text.format(count=AT_RISK_FAILURES, days=AT_RISK_BEFORE.days))
    rows = [
        {
            _("Student"): row.student_email,
            _("Failed"): row.failures,
            _("Last"): i18n.datetime_text(row.submitted_at, visit.zone),
            _("Stage"): row.stage_name,
            _("Reason"): row.reason or "—",
        }
        for row in figures.at_risk
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="at-risk", alt=_("At risk"))
    else:
        st.info(_("Nobody is at risk."))


def _missing(figures: Statistics) -> None:
    st.subheader(_("Not submitted") + f" ({i18n.number_text(len(figures.not_submitted))})")
    st.caption(_("Enrolled students who have handed in nothing."))
    rows = [{_("Student"): row.student_email, _("Name"): row.student_name} for row in figures.not_submitted]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="missing", alt=_("Not submitted"))
    else:
        st.info(_("Everybody has submitted."))
