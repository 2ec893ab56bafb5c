"""All accounts and all courses, for admins."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import accounts
from core.services.accounts import IssuedLink, Person
from dashboard import i18n
from dashboard.people.paging import choose_page
from dashboard.shell import Visit

_ = i18n.gettext

PAGE = 50


def people(visit: Visit) -> None:
    """Accounts by e-mail, searched and paged in the database; what can be done with one of them.

    Raises:
        Rejected: what was asked for cannot be.

    """
    search = st.text_input(_("Search by name or e-mail"), key="people-search", bind="query-params")
    total = accounts.count_people(visit.ctx, visit.actor, search=search)
    st.caption(i18n.plural("{count} account", "{count} accounts", total))
    if not total:
        st.info(_("Nobody matches. Clear the search."))
        return
    start = choose_page(total, PAGE, key="people-page") * PAGE
    found = accounts.list_people(visit.ctx, visit.actor, search=search, limit=PAGE, offset=start)
    rows = [
        {
            _("Name"): person.full_name or "—",
            _("E-mail"): person.email,
            _("Administrator"): "✔ " + _("yes") if person.is_admin else "–",
            _("E-mail confirmed"): "✔ " + _("yes") if person.is_confirmed else "○ " + _("no"),
            _("Since"): i18n.datetime_text(since, visit.zone),
        }
        for person, since in found
    ]
    state = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        key=f"people-{search}-{start}-{total}",
        on_select="rerun",
        selection_mode="single-row",
    )
    chosen = state.selection.rows
    if not chosen or chosen[0] >= len(found):
        st.caption(_("Choose a row to make a link for a password or to change who administers."))
        return
    _edit(visit, found[chosen[0]][0])


def _edit(visit: Visit, person: Person) -> None:
    with st.container(border=True):
        st.markdown(f"**{i18n.plain(person.full_name or person.email)}** · {i18n.plain(person.email)}")
        if st.button(_("Make a link to set a password"), key=f"reset-{person.id}"):
            _show_link(visit, accounts.create_reset_link(visit.ctx, visit.actor, person.id))
        text = _("No longer an administrator") if person.is_admin else _("Make an administrator")
        with st.popover(text):
            st.write(_("Administrators see every course and account and manage this installation."))
            if st.button(text, key=f"admin-{person.id}-{person.is_admin}", type="primary"):
                link = accounts.set_admin(visit.ctx, visit.actor, person.id, is_admin=not person.is_admin)
                st.toast(_("Saved."))
                if link is None:
                    st.rerun()
                st.write(_("The e-mail is not confirmed yet; the role holds once it is."))
                _show_link(visit, link)


def _show_link(visit: Visit, link: IssuedLink) -> None:
    ends = i18n.datetime_text(link.expires_at, visit.zone)
    st.write(_("Hand it to this person alone. It works once, until {moment}.").format(moment=ends))
    st.code(link.url, language=None, wrap_lines=True)


def courses_of_all(visit: Visit) -> None:
    """Every course; an admin's list of courses is all of them."""
    rows = [
        {
            _("Course"): course.name + (f" · {_('demo')}" if course.is_demo else ""),
            _("Time zone"): course.timezone,
            _("Since"): i18n.datetime_text(course.creation_timestamp, visit.zone),
        }
        for course in visit.courses
    ]
    if not rows:
        st.info(_("There is no course yet. Create one on the page Courses."))
        return
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="all-courses")
    st.caption(_("Choose a course in the menu; its people are on the page Courses."))
