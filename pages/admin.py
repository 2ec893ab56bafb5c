"""For admins: who has an account, and how the components are."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import accounts
from core.services.health import check_components
from dashboard import i18n, shell

_ = i18n.gettext
visit = shell.enter()

st.title(_("Administration"))
with shell.errors():
    people = accounts.list_people(visit.ctx, visit.actor)
    st.subheader(_("Components"))
    for component, state in check_components(visit.ctx).items():
        st.write(f"{'✔' if state == 'ok' else '✖'} **{component}** {state}")
    st.subheader(_("People"))
    rows = [
        {_("E-mail"): person.email, _("Name"): person.full_name, _("Administrator"): person.is_admin}
        for person, _since in people
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="people")
