"""Where somebody is signed in, and what programs act for them; each can be ended."""

from __future__ import annotations

import re

import streamlit as st

from core.services import accounts
from core.services.accounts import OwnApiToken, OwnSession
from dashboard import i18n, shell
from dashboard.shell import Visit

_ = i18n.gettext

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux")
"""In the order in which they decide: an Android phone also says Linux, and Edge also Chrome."""


def sessions(visit: Visit) -> None:
    """The own sessions; this one cannot be ended here, but by signing out.

    Raises:
        NotFound: it ended meanwhile.

    """
    st.header(_("Where you are signed in"))
    here = shell.find_session_id()
    mine = accounts.list_sessions(visit.ctx, visit.actor)
    for session in mine:
        _session(visit, session, is_here=session.id == here)
    if any(session.id != here for session in mine) and st.button(
        _("Sign out everywhere else"), key="end-others"
    ):
        accounts.end_all_sessions(visit.ctx, visit.actor, except_=here)
        st.rerun()


def _session(visit: Visit, session: OwnSession, *, is_here: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        seen = i18n.datetime_text(session.last_seen_at, visit.zone)
        since = i18n.datetime_text(session.created_at, visit.zone)
        st.markdown(
            f"**{i18n.plain(device(session.user_agent))}** · {_('since')} {since} · {_('last seen')} {seen}"
        )
        if is_here:
            st.markdown("● " + _("This browser"))
        elif st.button(_("End"), key=f"end-session-{session.id}", help=_("Sign out there")):
            accounts.end_own_session(visit.ctx, visit.actor, session.id)
            st.rerun()


def device(user_agent: str) -> str:
    """Browser and system out of what a browser says it is; a word for who says nothing of the kind."""
    browser = next((name for mark, name in _BROWSERS if re.search(rf"{mark}(?:iOS)?/", user_agent)), None)
    system = next((name for name in _SYSTEMS if name in user_agent), None)
    return ", ".join(part for part in (browser, system) if part) or _("Unknown browser")


def tokens(visit: Visit) -> None:
    """The own tokens of the HTTP API.

    Raises:
        NotFound: it ended meanwhile.

    """
    st.header(_("API tokens"))
    mine = accounts.list_api_tokens(visit.ctx, visit.actor)
    if not mine:
        st.caption(_("None. A program gets one when it signs in over the HTTP API; it lives for 8 hours."))
    names = {course.id: course.name for course in visit.courses}
    for token in mine:
        _token(visit, token, names)


def _token(visit: Visit, token: OwnApiToken, names: dict[int, str]) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        course = names.get(token.course_id or 0, "—")
        made, used, ends = (
            i18n.datetime_text(moment, visit.zone)
            for moment in (token.created_at, token.last_used_at, token.expires_at)
        )
        st.markdown(
            f"**{i18n.plain(course)}** · {_('created')} {made} · {_('last used')} {used} · {_('ends')} {ends}"
        )
        if st.button(_("Revoke"), key=f"revoke-api-{token.id}"):
            accounts.revoke_own_api_token(visit.ctx, visit.actor, token.id)
            st.rerun()
