"""For professors and monitors: how work is processed, stage by stage; professors create, change, copy."""

from __future__ import annotations

import streamlit as st

from core.services import definitions
from core.vocabulary import Role
from dashboard import i18n, shell
from dashboard.definitions import draft, dry_run, form, listing

_ = i18n.gettext
visit = shell.enter()

st.title(_("Task definitions"))
written = st.session_state.get(form.KEY)
if written is not None and written.saved is not None:
    form.close()
    st.toast(
        _("Saved") + f": {i18n.plain(written.saved.definition_name)} · {_('Version')} {written.saved.version}"
    )
    written = None
if written is not None:
    form.show(visit, written)
    st.stop()

tried = dry_run.chosen()
if tried is not None:
    with shell.errors():
        dry_run.show(visit, tried)
    st.stop()

may_create = visit.role is Role.PROFESSOR or visit.person.is_admin
if may_create and st.button("+ " + _("New definition"), key="new-definition", type="primary"):
    st.session_state[form.KEY] = draft.new()
    st.rerun()

with shell.errors():
    found = definitions.list_definitions(visit.ctx, visit.actor)
    usage = definitions.list_usage(visit.ctx, visit.actor)
    if not found:
        st.info(_("There is no definition yet."))
    else:
        wanted = st.text_input(
            _("Search by name or stage"), key="definition-search", bind="query-params", max_chars=100
        ).casefold()
        shown = [
            one
            for one in found
            if any(
                wanted in text.casefold()
                for text in (one.definition_name, *(s.stage_name for s in one.stages))
            )
        ]
        if not shown:
            st.info(_("Nothing here has this name."))
        for definition in shown:
            if definition.id in usage:
                listing.draw(visit, definition, usage[definition.id])
