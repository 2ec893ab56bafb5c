"""A failure in plain words, above what the stage itself said."""

from __future__ import annotations

import streamlit as st

from core.services import explanations
from core.services.explanations import Owner
from core.services.submissions import AttemptView
from core.vocabulary import StageStatus
from dashboard import i18n

_ = i18n.gettext


def show(attempt: AttemptView) -> None:
    """Draw why the attempt failed, whose the failure is and what to do next; nothing where it did not."""
    for stage in attempt.stages:
        if stage.status is not StageStatus.FAILED:
            continue
        told = explanations.explain(stage.reason, stage.failed_by)
        language = i18n.language()
        with st.container(border=True, key=f"failure-{stage.id}"):
            st.markdown(f"**✖ {i18n.plain(stage.stage_name)}** · {owner_label(told.owner)}")
            st.write(told.happened[language])
            st.markdown(f"**{_('What to do next')}:** {told.todo[language]}")
            st.caption(_("What the stage said"))
            st.code(stage.reason or _("The stage gave no reason."), language=None, wrap_lines=True)


def owner_label(owner: Owner) -> str:
    """Whose a failure is, as a symbol and words."""
    return {
        Owner.FILE: "▤ " + _("It is about your file"),
        Owner.CONTAINER: "▣ " + _("It is about the assignment's container"),
        Owner.PLATFORM: "⚙ " + _("It is about the platform, not your work"),
        Owner.UNKNOWN: "? " + _("It is not known whose failure this is"),
    }[owner]
