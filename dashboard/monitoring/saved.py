"""Saved views of the monitor's screen: taking, keeping, renaming, sharing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.services import views
from core.services.views import View
from dashboard import i18n, shell

_ = i18n.gettext


def draw(visit: shell.Visit) -> None:
    """One's own views and those that are shared in the course, behind one button."""
    if visit.course is None:
        return
    with st.popover(_("Saved views"), key="saved-views"):
        found = views.list_views(visit.ctx, visit.actor, visit.course.id)
        if not found:
            st.caption(_("A view keeps what is chosen on this screen under a name."))
        for view in found:
            _row(visit, view)
        _new(visit, visit.course.id)


def _take(filters: Mapping[str, str]) -> None:
    st.query_params.from_dict(filters)


def _row(visit: shell.Visit, view: View) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"view-{view.id}"):
        label = view.name if view.is_mine else f"{view.name} ({view.owner_email})"
        st.button(i18n.plain(label), key=f"view-take-{view.id}", on_click=_take, args=(view.filters,))
        if not view.is_mine:
            return
        if view.is_shared:
            st.caption(_("shared"))
        if st.button(_("Delete"), key=f"view-delete-{view.id}"):
            views.delete_view(visit.ctx, visit.actor, view.id)
            st.rerun()
    with (
        st.expander(_("Rename or share"), key=f"view-more-{view.id}"),
        st.form(f"view-form-{view.id}", border=False),
    ):
        name = st.text_input(_("Name"), value=view.name, key=f"view-name-{view.id}")
        shared = st.toggle(
            _("For all who teach the course"), value=view.is_shared, key=f"view-shared-{view.id}"
        )
        pressed = st.form_submit_button(_("Save"), key=f"view-save-{view.id}")
    if pressed:
        views.rename_view(visit.ctx, visit.actor, view.id, name=name, is_shared=shared)
        st.rerun()


def _new(visit: shell.Visit, course_id: int) -> None:
    with st.form("new-view", clear_on_submit=True):
        name = st.text_input(_("Name for what is chosen now"), key="new-view-name")
        shared = st.toggle(_("For all who teach the course"), key="new-view-shared")
        pressed = st.form_submit_button(_("Keep this view"), type="primary", key="new-view-save")
    if pressed:
        filters = st.query_params.to_dict()
        views.save_view(visit.ctx, visit.actor, course_id, name=name, filters=filters, is_shared=shared)
        st.rerun()
