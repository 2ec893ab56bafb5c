"""Who is in a course: found, shown in pages, given another role, taken out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.search import matches as search_matches
from core.services import courses
from core.services.courses import Member
from core.vocabulary import Role
from dashboard import i18n
from dashboard.people import joining
from dashboard.people.paging import page_of
from dashboard.shell import Visit
from dashboard.tables import role_label

_ = i18n.gettext

PAGE = 50


def show(visit: Visit, members: Sequence[Member], *, selectable: bool) -> Member | None:
    """The people that match search and role; the one whose row is chosen, if rows can be."""
    counts = " · ".join(
        f"{role_label(role)}: {i18n.number_text(sum(member.role is role for member in members))}"
        for role in Role
    )
    st.caption(counts)
    left, right = st.columns([2, 1])
    search = left.text_input(_("Search by name, e-mail or code"), key="roster-search", bind="query-params")
    roles = right.multiselect(
        _("Role"), list(Role), format_func=role_label, key="roster-roles", placeholder=_("All roles")
    )
    found = [m for m in members if _matches(m, search) and (not roles or m.role in roles)]
    if not found:
        st.info(_("Nobody matches. Clear the search, or add people below."))
        return None
    shown = page_of(found, PAGE, key="roster-page")
    table = pd.DataFrame([_row(visit, member) for member in shown])
    key = f"roster-{hash(tuple((member.id, list(Role).index(member.role)) for member in shown))}"
    if not selectable:
        st.dataframe(table, hide_index=True, width="stretch", key=key)
        return None
    # With other rows it is another table: a choice must never pass to whoever took the place.
    picked = st.dataframe(
        table, hide_index=True, width="stretch", key=key, on_select="rerun", selection_mode="single-row"
    )
    rows = picked.selection.rows
    if not rows:
        st.caption(_("Choose a row to change a role, invite again or remove somebody."))
        return None
    return shown[rows[0]] if rows[0] < len(shown) else None


def _matches(member: Member, search: str) -> bool:
    return search_matches(search, member.full_name, member.email, member.student_code)


def is_ready(member: Member) -> bool:
    """Whether the person can sign in and their role holds."""
    return member.has_password and member.is_confirmed


def _access(member: Member) -> str:
    if is_ready(member):
        return "✔ " + _("Has a password")
    return "○ " + (_("E-mail not confirmed") if member.has_password else _("Invited"))


def _row(visit: Visit, member: Member) -> dict[str, str]:
    return {
        _("Name"): member.full_name or "—",
        _("E-mail"): member.email,
        _("Role"): role_label(member.role),
        _("Code"): member.student_code or "—",
        _("Access"): _access(member),
        _("Since"): i18n.datetime_text(member.joined_at, visit.zone),
    }


def edit(visit: Visit, course_id: int, member: Member) -> None:
    """What can be done with the chosen person.

    Raises:
        Rejected: it cannot, and why.

    """
    with st.container(border=True):
        st.markdown(f"**{i18n.plain(member.full_name or member.email)}** · {i18n.plain(member.email)}")
        _change_role(visit, course_id, member)
        if not is_ready(member) and st.button(_("Invite again"), key=f"invite-{member.id}"):
            again = courses.invite_again(visit.ctx, visit.actor, course_id, member.id)
            joining.keep_invitations([again])
        _remove(visit, course_id, member)


def _change_role(visit: Visit, course_id: int, member: Member) -> None:
    roles = list(Role)
    role = st.segmented_control(
        _("Role in this course"),
        roles,
        default=member.role,
        format_func=role_label,
        key=f"role-{member.id}-{member.role}",
    )
    if (
        role is not None
        and role is not member.role
        and st.button(
            _("Change to {role}").format(role=role_label(role)), key=f"set-role-{member.id}", type="primary"
        )
    ):
        changed = courses.set_role(visit.ctx, visit.actor, course_id, member.id, role)
        st.toast(_("The role was changed."))
        joining.keep_invitations([changed.invitation] if changed.invitation else [])


def _remove(visit: Visit, course_id: int, member: Member) -> None:
    with st.popover(_("Remove from the course")):
        st.write(
            _(
                "They no longer see the course and cannot submit to it. Kept: the account, every submission "
                "with its results, and its place in the statistics. Added again, everything is there again."
            )
        )
        sure = st.checkbox(
            _("Remove {person}").format(person=i18n.plain(member.email)), key=f"sure-{member.id}"
        )
        if st.button(_("Remove"), key=f"remove-{member.id}", type="primary", disabled=not sure):
            courses.remove_member(visit.ctx, visit.actor, course_id, member.id)
            st.toast(_("Removed from the course."))
            st.rerun()
