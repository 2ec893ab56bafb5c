"""Everybody's own settings: name, language, zone, password, open sessions, API tokens."""

from __future__ import annotations

import streamlit as st

from core.services import accounts
from dashboard import i18n, shell
from dashboard.people import own_access, preferences

_ = i18n.gettext
visit = shell.enter()

st.title(_("Account"))
st.text(visit.person.email)
with shell.errors():
    preferences.name(visit)
    preferences.language(visit)
    preferences.zone(visit)
    preferences.result_mail(visit)

st.header(_("Change the password"))
st.caption(_("You stay signed in here; everywhere else you are signed out, and your API tokens end."))
with st.form("password", clear_on_submit=True):
    old = st.text_input(
        _("Current password"), type="password", key="password-old", autocomplete="current-password"
    )
    new = st.text_input(_("New password"), type="password", key="password-new", autocomplete="new-password")
    pressed = st.form_submit_button(_("Change the password"), key="password-change")
if pressed:
    with shell.errors():
        accounts.change_password(
            visit.ctx,
            visit.actor,
            old=old,
            new=new,
            keep_session=shell.find_session_id(),
        )
        st.success(_("The password was changed. Everywhere else you are signed out."))

with shell.errors():
    own_access.sessions(visit)
with shell.errors():
    own_access.tokens(visit)
