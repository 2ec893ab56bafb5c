"""Everybody's own settings: language and password."""

from __future__ import annotations

import streamlit as st

from core.services import accounts
from dashboard import i18n, shell

_ = i18n.gettext
visit = shell.enter()

st.title(_("Account"))
st.write(visit.person.email)
language = st.segmented_control(
    _("Language"),
    list(i18n.LANGUAGES),
    format_func=i18n.LANGUAGES.__getitem__,
    default=i18n.language(),
    key="account-language",
)
if language and language != i18n.language():
    with shell.errors():
        accounts.set_language(visit.ctx, visit.actor, language)
    st.rerun()

st.subheader(_("Change the password"))
with st.form("password", clear_on_submit=True):
    old = st.text_input(_("Current password"), type="password", key="password-old")
    new = st.text_input(_("New password"), type="password", key="password-new")
    pressed = st.form_submit_button(_("Change the password"))
if pressed:
    with shell.errors():
        accounts.change_password(visit.ctx, visit.actor, old=old, new=new, keep_session=None)
        st.success(_("Changed. Sign in again with the new password."))
