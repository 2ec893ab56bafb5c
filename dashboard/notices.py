"""Results that have arrived, above whatever page the student is on, as they arrive."""

from __future__ import annotations

import streamlit as st

from core.services import notices, topics
from core.services.notices import Notice
from core.vocabulary import Role
from dashboard import i18n, live, shell
from dashboard.tables import status_label

_ = i18n.gettext

SHOWN = 8
"""Notices of the list that are drawn; the count is of all."""

_TOLD = "notices-told"


def follow(visit: shell.Visit) -> None:
    """Draw the unread notices of who is a student anywhere, and again when one comes."""
    if any(course.role is Role.STUDENT for course in visit.courses):
        live.show(_draw, topics=[topics.of_user(visit.person.id)], key="notices", gap_seconds=1.0, quiet=True)


def _draw(visit: shell.Visit) -> None:
    unread = notices.list_unread(visit.ctx, visit.actor)
    _toast(unread)
    if not unread:
        return
    label = f"● {_('New results')} ({i18n.number_text(len(unread))})"
    with st.expander(label, key="notices-list"):
        if len(unread) > 1:
            st.button(_("Mark all as read"), key="notices-all", on_click=_read, args=(None,))
        for notice in unread[:SHOWN]:
            _one(visit, notice)
        if len(unread) > SHOWN:
            more = i18n.number_text(len(unread) - SHOWN)
            st.caption(_("And {count} older ones; they are on the page My work.").format(count=more))


def _toast(unread: list[Notice]) -> None:
    """Say what has come since this session last looked; what was there before is in the list only."""
    known: set[int] | None = st.session_state.get(_TOLD)
    for notice in unread if known is not None else []:
        if known is not None and notice.id not in known:
            st.toast(f"{_('A result has arrived')}: {i18n.plain(_line(notice))}")
    st.session_state[_TOLD] = (known or set()) | {notice.id for notice in unread}


def _line(notice: Notice) -> str:
    return f"{status_label(notice.status)} · {notice.assignment_name} · {notice.reference}"


def _one(visit: shell.Visit, notice: Notice) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{i18n.plain(_line(notice))} · {i18n.datetime_text(notice.at, visit.zone)}")
        if st.button(_("Open it"), key=f"notice-open-{notice.id}", type="primary"):
            notices.mark_read(visit.ctx, visit.actor, notice.id)
            st.session_state["next-course"] = notice.course_id
            st.switch_page("../pages/my_work.py", query_params={"task": str(notice.task_id)})
        st.button(_("Mark as read"), key=f"notice-read-{notice.id}", on_click=_read, args=(notice.id,))


def _read(notice_id: int | None) -> None:
    """Mark one as read, or with None all, before the list is drawn again; it looks the visitor up afresh."""
    visit = shell.enter()
    with shell.errors():
        if notice_id is None:
            notices.mark_all_read(visit.ctx, visit.actor)
        else:
            notices.mark_read(visit.ctx, visit.actor, notice_id)
