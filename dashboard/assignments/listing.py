"""One assignment in the list: its dates, rules and counts, and what a professor can do with it."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from core.services import assignments
from core.services.assignments import AssignmentRules, AssignmentView
from core.vocabulary import Role
from dashboard import i18n, shell
from dashboard.assignments import extensions, form, statement
from dashboard.assignments.form import AssignmentForm, late_text
from dashboard.tables import state_label

_ = i18n.gettext


def draw(visit: shell.Visit, view: AssignmentView) -> None:
    """A card with everything about `view`."""
    with st.container(border=True, key=f"assignment-{view.id}"):
        left, right = st.columns([3, 1])
        left.markdown(f"**{i18n.plain(view.assignment_name)}** · {i18n.plain(view.definition_name)}")
        for text in dates(view):
            left.caption(text)
        if said := rules_text(view.rules):
            left.caption(said)
        right.markdown(state_label(view.state))
        right.caption(f"{i18n.number_text(view.submissions)} " + _("submissions"))
        if view.assignment_description or view.statement:
            with st.expander(_("Statement"), key=f"statement-{view.id}"):
                statement.show(view, place="list")
        if visit.role is Role.PROFESSOR:
            _actions(visit, view)


def dates(view: AssignmentView) -> list[str]:
    """From when until when, in the zone of the course and, where it is another, in the reader's."""
    zones = [ZoneInfo(view.timezone)]
    try:
        reader = ZoneInfo(st.context.timezone) if st.context.timezone else zones[0]
    except (ZoneInfoNotFoundError, ValueError):
        reader = zones[0]  # a browser may name a zone that is not known here
    ends = view.assignment_end_date
    if ends.astimezone(reader).utcoffset() != ends.astimezone(zones[0]).utcoffset():
        zones.append(reader)
    return [
        f"{i18n.datetime_text(view.assignment_start_date, zone)} → "
        f"{i18n.datetime_text(ends, zone)} ({zone.key})"
        for zone in zones
    ]


def rules_text(rules: AssignmentRules) -> str:
    """The rules that are not the usual ones, in a line."""
    said = []
    if rules.grace_minutes:
        said.append(f"{_('Minutes of grace')}: {i18n.number_text(rules.grace_minutes)}")
    if rules.late_policy != AssignmentRules().late_policy:
        said.append(f"{_('Late work')}: {late_text(rules.late_policy)}")
    if rules.most_submissions:
        said.append(f"{_('Submissions per student')}: {i18n.number_text(rules.most_submissions)}")
    if rules.limit_mb:
        said.append(f"{_('Size limit')}: {i18n.number_text(rules.limit_mb)} MB")
    if rules.required_names:
        said.append(f"{_('Required files')}: {i18n.plain(', '.join(rules.required_names))}")
    return " · ".join(said)


def _actions(visit: shell.Visit, view: AssignmentView) -> None:
    with st.container(horizontal=True):
        st.button(_("Edit"), key=f"edit-{view.id}", on_click=_open, args=(form.of, view))
        st.button(_("Duplicate"), key=f"duplicate-{view.id}", on_click=_open, args=(form.copy_of, view))
        st.button(_("Extensions"), key=f"extend-{view.id}", on_click=extensions.toggle, args=(view.id,))
        st.button(_("PDF"), key=f"statement-button-{view.id}", on_click=statement.toggle, args=(view.id,))
        with st.popover(_("Delete") + "…", key=f"delete-popover-{view.id}"), shell.errors():
            _delete(visit, view)
    if extensions.is_open(view.id):
        with shell.errors():
            extensions.show(visit, view)
    if statement.is_open(view.id):
        with shell.errors():
            statement.change(visit, view)


def _open(make: Callable[[AssignmentView], AssignmentForm], view: AssignmentView) -> None:
    st.session_state[form.KEY] = make(view)


def _delete(visit: shell.Visit, view: AssignmentView) -> None:
    is_meant = True
    if view.submissions:
        st.warning(
            i18n.plural(
                "With “{name}” goes one submission, with its files, results and logs, for good.",
                "With “{name}” go {count} submissions, with their files, results and logs, for good.",
                view.submissions,
                name=i18n.plain(view.assignment_name),
            )
        )
        typed = st.text_input(_("Type the number of submissions to confirm"), key=f"confirm-{view.id}")
        is_meant = typed.strip() == str(view.submissions)
    else:
        st.markdown(
            _("“{name}” has no submissions. It goes for good.").format(name=i18n.plain(view.assignment_name))
        )
    label = _("Delete for good")
    if st.button(label, key=f"delete-{view.id}", type="primary", disabled=not is_meant):
        assignments.delete_assignment(visit.ctx, visit.actor, view.id, force=view.submissions > 0)
        st.toast(_("Deleted") + f": {i18n.plain(view.assignment_name)}")
        st.rerun()
