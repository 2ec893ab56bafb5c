"""Name, language and zone of the person themselves; each applies at once."""

from __future__ import annotations

import streamlit as st

from core.services import accounts
from core.vocabulary import Role
from dashboard import browser, i18n
from dashboard.people.new_course import zones
from dashboard.shell import Visit

_ = i18n.gettext


def name(visit: Visit) -> None:
    """The full name, as others see it.

    Raises:
        TooLong: it is.

    """
    with st.form("name", border=False):
        text = st.text_input(_("Full name"), visit.person.full_name, key="account-name", autocomplete="name")
        pressed = st.form_submit_button(_("Save the name"), key="account-name-save")
    if pressed:
        accounts.set_name(visit.ctx, visit.actor, text)
        st.toast(_("Saved."))
        st.rerun()


def language(visit: Visit) -> None:
    """The language of the screens and of mails."""
    chosen = st.segmented_control(
        _("Language"),
        list(i18n.LANGUAGES),
        format_func=i18n.LANGUAGES.__getitem__,
        default=i18n.language(),
        key="account-language",
    )
    if chosen and chosen != i18n.language():
        accounts.set_language(visit.ctx, visit.actor, chosen)
        st.session_state["language"] = chosen
        browser.reload()


def zone(visit: Visit) -> None:
    """The zone in which times are shown: the course's, or one of the person's own."""
    every = zones()
    own = visit.person.timezone
    if own is not None and own not in every:
        every.append(own)
    chosen = st.selectbox(
        _("Time zone"),
        ["", *every],
        index=every.index(own) + 1 if own else 0,
        format_func=lambda zone: zone or _("That of the course"),
        key="account-zone",
    )
    if (chosen or None) != own:
        accounts.set_timezone(visit.ctx, visit.actor, chosen or None)
        st.rerun()
    st.caption(f"{_('It is now')} {i18n.datetime_text(visit.ctx.now(), visit.zone)} ({visit.zone.key})")


def result_mail(visit: Visit) -> None:
    """Whether a mail says when the result of a submission arrives; for students, where mail is sent."""
    if all(course.role is not Role.STUDENT for course in visit.courses):
        return
    sends = visit.ctx.settings.sends_mail
    wanted = st.toggle(
        _("Send me a mail when a result arrives"),
        visit.person.result_mail,
        key="account-result-mail",
        disabled=not sends,
        help=None if sends else _("This installation sends no mail. New results are shown on every page."),
    )
    if wanted != visit.person.result_mail:
        accounts.set_result_mail(visit.ctx, visit.actor, wanted=wanted)
        st.toast(_("Saved."))
        st.rerun()
