"""The installation itself: how its components are, and its settings in force."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import installation
from core.services.health import OK, check_components, read_last_errors
from dashboard import i18n, systems
from dashboard.shell import Visit

_ = i18n.gettext


def components(visit: Visit) -> None:
    """Each component with its state, asked for now.

    Raises:
        NotAllowed: the visitor is no admin.

    """
    installation.check_admin(visit.ctx, visit.actor)
    states = check_components(visit.ctx, i18n.language())
    for component, state in states.items():
        name = systems.names().get(component, component)
        st.markdown(f"✔ **{name}**: {_('ready')}" if state == OK else f"✖ **{name}**: {i18n.plain(state)}")
    for component, last in read_last_errors(visit.ctx, visit.actor).items():
        if states.get(component) == OK:
            st.caption(systems.last_error_text(last, visit))
    settings = visit.ctx.settings
    st.caption(
        _("Messages go through RabbitMQ.")
        if settings.uses_rabbitmq
        else _("Messages go through the queue in the database.")
    )


def settings(visit: Visit) -> None:
    """The settings as this process read them; secrets stay hidden.

    Raises:
        NotAllowed: the visitor is no admin.

    """
    rows = [
        {
            _("Setting"): setting.name,
            _("Value"): "••••••" if setting.is_hidden else setting.value or "—",
            _("Meaning"): setting.description,
        }
        for setting in installation.list_settings(visit.ctx, visit.actor)
    ]
    st.caption(_("Set by environment or .env; they are read when a process starts."))
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="settings")
