"""The tokens with which orchestrators report: made, shown once, revoked."""

from __future__ import annotations

import streamlit as st

from core.services import accounts
from core.services.accounts import CallbackTokenView
from core.vocabulary import Scope
from dashboard import i18n
from dashboard.shell import Visit

_ = i18n.gettext


def show(visit: Visit) -> None:
    """The tokens, and the form of a new one.

    Raises:
        Rejected: the name or the scopes will not do.

    """
    _new(visit)
    for token in accounts.list_callback_tokens(visit.ctx, visit.actor):
        _row(visit, token)


def _scope_label(scope: Scope) -> str:
    return {
        Scope.LOGS: _("write logs"),
        Scope.STATUS: _("set statuses"),
        Scope.REQUEUE: _("report requeues"),
        Scope.READ: _("read submissions"),
    }[scope]


def _new(visit: Visit) -> None:
    with st.form("new-token", clear_on_submit=False):
        name = st.text_input(
            _("Name"),
            key="token-name",
            help=_("Which node or program uses it, so that it can be told apart."),
        )
        scopes = st.multiselect(
            _("May"), list(Scope), default=list(Scope), format_func=_scope_label, key="token-scopes"
        )
        pressed = st.form_submit_button(_("Create a token"), type="primary", key="token-create")
    if pressed:
        made = accounts.create_callback_token(visit.ctx, visit.actor, name=name, scopes=scopes)
        st.success(_("Created. Copy it now: it is not shown again."))
        st.code(made.token, language=None, wrap_lines=True)


def _row(visit: Visit, token: CallbackTokenView) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        made = i18n.datetime_text(token.created_at, visit.zone)
        used = i18n.datetime_text(token.last_used_at, visit.zone) if token.last_used_at else _("never used")
        scopes = ", ".join(_scope_label(scope) for scope in token.scopes)
        text = f"**{i18n.plain(token.name)}** · {scopes} · {_('created')} {made} · {_('last used')}: {used}"
        st.markdown(text)
        if token.revoked_at is not None:
            st.markdown(f"✖ {_('revoked')} {i18n.datetime_text(token.revoked_at, visit.zone)}")
            return
        with st.popover(_("Revoke")):
            st.write(_("Whatever uses it can no longer report. This cannot be undone."))
            if st.button(_("Revoke for good"), key=f"revoke-{token.id}", type="primary"):
                accounts.revoke_callback_token(visit.ctx, visit.actor, token.id)
                st.rerun()
