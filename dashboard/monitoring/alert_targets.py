"""The targets of notices: adding, trying and removing them."""

from __future__ import annotations

import streamlit as st

from core.services import alerts
from core.services.alerts import Target
from core.vocabulary import TargetForm
from dashboard import i18n, shell

_ = i18n.gettext


def draw(visit: shell.Visit, course_id: int | None, *, may_manage: bool) -> None:
    """Each target with what became of its latest notice, and the form of a new one."""
    if not visit.ctx.settings.sends_mail:
        st.caption(_("This installation sends no mail, so notices go to webhooks and this screen alone."))
    targets = alerts.list_targets(visit.ctx, visit.actor, course_id)
    if not targets:
        st.info(_("No target: alerts are shown on this screen only."))
    for target in targets:
        _row(visit, target, may_manage=may_manage)
    if may_manage:
        with st.expander(_("Add a target"), key="target-add"):
            _new(visit, course_id)


def _forms() -> dict[TargetForm, str]:
    return {
        TargetForm.KEEPERS: _("Mail to those who may change these rules"),
        TargetForm.MAIL: _("Mail to one person"),
        TargetForm.SLACK: _("Slack webhook"),
        TargetForm.TEAMS: _("Teams webhook"),
        TargetForm.JSON: _("Webhook with JSON"),
    }


def _row(visit: shell.Visit, target: Target, *, may_manage: bool) -> None:
    with st.container(border=True, key=f"target-{target.id}"):
        name = f" · {i18n.plain(target.name)}" if target.name else ""
        st.markdown(f"**{_forms()[target.form]}**{name} · {i18n.plain(target.address) or '—'}")
        st.caption(_fate(visit, target))
        if not may_manage:
            return
        with st.container(horizontal=True, key=f"target-actions-{target.id}"):
            if st.button(_("Send a test notice"), key=f"target-test-{target.id}"):
                alerts.try_target(visit.ctx, visit.actor, target.id)
                st.rerun(scope="fragment")
            if st.button(_("Remove"), key=f"target-remove-{target.id}"):
                alerts.remove_target(visit.ctx, visit.actor, target.id)
                st.rerun(scope="fragment")


def _fate(visit: shell.Visit, target: Target) -> str:
    if target.last_at is None:
        return _("No notice has gone there yet.")
    moment = i18n.datetime_text(target.last_sent or target.last_given_up or target.last_at, visit.zone)
    problem = i18n.plain(target.last_error or "")
    if target.last_sent is not None:
        return "✔ " + _("The latest notice arrived: {moment}.").format(moment=moment)
    if target.last_given_up is not None:
        return "✖ " + _("The latest notice did not arrive: {problem}.").format(problem=problem)
    if target.last_error:
        return "◐ " + _("It is tried again; so far: {problem}.").format(problem=problem)
    return "◐ " + _("The latest notice is on its way.")


def _new(visit: shell.Visit, course_id: int | None) -> None:
    forms = _forms()
    form = st.selectbox(
        _("Kind of target"), list(forms), format_func=forms.__getitem__, index=2, key="target-form"
    )
    with st.form("new-target", border=False, clear_on_submit=True):
        address = ""
        if form is TargetForm.MAIL:
            address = st.text_input(_("E-mail of somebody who teaches here"), key="target-email")
        elif form in alerts.WEBHOOKS:
            address = st.text_input(
                _("Address of the webhook"),
                type="password",
                placeholder="https://",
                help=_("It is a secret and is not shown again."),
                key="target-url",
            )
        name = st.text_input(_("Name (may be empty)"), key="target-name")
        pressed = st.form_submit_button(_("Add"), type="primary", key="target-save")
    if pressed:
        alerts.add_target(visit.ctx, visit.actor, course_id, form, address=address, name=name)
        st.rerun(scope="fragment")
