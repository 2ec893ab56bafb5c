"""The ways into a course: one by one, or a list that is looked at before it is applied."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.services import courses
from core.services.courses import (
    Delivery,
    Invitation,
    RosterCorrection,
    RosterEntry,
    RosterOutcome,
    RosterSheet,
)
from core.vocabulary import Role
from dashboard import i18n, uploads
from dashboard.shell import Visit
from dashboard.tables import role_label
from dashboard.uploads import KeptFile

_ = i18n.gettext

_LIST = "import-list-file"
"""The chosen file, while it is looked at."""

_NAMED = 10
_SHOWN = 200
"""Rows of each part of a comparison; the counts above them are of all."""


def keep_invitations(invitations: Sequence[Invitation]) -> None:
    """Show them from the next run on, until they are put away: a link is told once."""
    st.session_state["invitations"] = list(invitations)
    st.rerun()


def show_invitations() -> None:
    """The links that were just made and must be handed over; or that mails go out."""
    invitations: list[Invitation] = st.session_state.get("invitations", [])
    if not invitations:
        return
    by = {delivery: [made for made in invitations if made.delivery is delivery] for delivery in Delivery}
    with st.container(border=True):
        if sent := by[Delivery.MAIL]:
            st.success(_("Invitations on their way by mail: {count}").format(count=len(sent)))
        if later := by[Delivery.LATER]:
            st.info(
                _("Not sent again, since they were sent some within the hour: {people}").format(
                    people=_emails(later)
                )
            )
        if by[Delivery.LINK]:
            _show_links(by[Delivery.LINK])
        if of_admins := by[Delivery.ADMIN]:
            st.warning(
                _("Their link must be made by an administrator: {people}").format(people=_emails(of_admins))
            )
        st.button(_("Put away"), key="invitations-done", on_click=st.session_state.pop, args=("invitations",))


def _show_links(invitations: Sequence[Invitation]) -> None:
    st.subheader(_("Links to hand over"))
    st.write(
        _(
            "No mail goes out from here. Give each person their own link: it confirms their e-mail and sets "
            "the password of that account, once, for a week. Until then they have no access. It is shown "
            "only now; you can make new links at any time."
        )
    )
    links = "\n".join(f"{made.email}\t{made.link}" for made in invitations)
    st.code(links, language=None, wrap_lines=True)


def _emails(invitations: Sequence[Invitation]) -> str:
    return i18n.plain(", ".join(made.email for made in invitations))


def invite_everyone(visit: Visit, course_id: int, waiting: int) -> None:
    """Offer new invitations for the `waiting` members without access.

    Raises:
        NotFound, NotAllowed: the visitor does not teach the course any more.

    """
    if not waiting:
        return
    text = (
        _("Invite everyone without access again: {count}")
        if visit.ctx.settings.sends_mail
        else _("Links for everyone without access: {count}")
    )
    if st.button(text.format(count=i18n.number_text(waiting)), key="invite-everyone"):
        keep_invitations(courses.invite_all_again(visit.ctx, visit.actor, course_id))


def add_one(visit: Visit, course_id: int) -> None:
    """Add a person by their e-mail.

    Raises:
        Rejected: it cannot be, and why.

    """
    with st.form("add-one-form", border=False):
        email = st.text_input(_("E-mail"), key="add-email")
        name = st.text_input(
            _("Full name"), key="add-name", help=_("Only for a new account; who has one keeps their name.")
        )
        role = st.selectbox(
            _("Role"), [Role.STUDENT, Role.MONITOR, Role.PROFESSOR], format_func=role_label, key="add-role"
        )
        pressed = st.form_submit_button(_("Add"), type="primary", key="add-one-press")
    if pressed:
        added = courses.add_member(visit.ctx, visit.actor, course_id, email=email, role=role, full_name=name)
        st.toast(_("{email} is in the course.").format(email=i18n.plain(added.member.email)))
        keep_invitations([added.invitation] if added.invitation else [])


def import_list(visit: Visit, course_id: int) -> None:
    """A file of students: first what it would do, then doing it.

    Raises:
        Rejected: the file as a whole cannot be read.

    """
    st.write(
        _(
            "An .xlsx, .xls or .csv file with a column of e-mails; the list that the university exports fits "
            "as it is. Everybody in it becomes a student. Nothing changes before you have looked at it."
        )
    )
    uploads.file_form(
        "roster-file",
        _("List of students"),
        lambda kept: st.session_state.update({_LIST: kept}),
        accept=".xlsx,.xls,.csv",
        limit_mb=courses.LARGEST_FILE // 1_000_000,
    )
    chosen: KeptFile | None = st.session_state.get(_LIST)
    if chosen is None:
        _show_applied()
        return
    st.markdown(f"✔ {_('Chosen:')} {i18n.plain(chosen.name)} · {i18n.bytes_text(chosen.size)}")
    chosen.file.seek(0)
    content = chosen.file.read()
    plan = courses.import_roster(visit.ctx, visit.actor, course_id, content, dry_run=True)
    wanted = None
    if plan.sheets:
        wanted = _choose_sheets(plan.sheets)
        plan = courses.import_roster(visit.ctx, visit.actor, course_id, content, dry_run=True, sheets=wanted)
    _compare(plan)
    with st.container(horizontal=True):
        if plan.changes_anything and st.button(_apply_text(plan), key="import-apply", type="primary"):
            done = courses.import_roster(visit.ctx, visit.actor, course_id, content, sheets=wanted)
            st.session_state["import-done"] = (len(done.added), done.created, len(done.corrected))
            _forget_list()
            keep_invitations(done.invitations)
        st.button(_("Put the list away"), key="import-forget", on_click=_forget_list)
    if not plan.changes_anything:
        st.info(_("There is nobody to add."))


def _choose_sheets(sheets: Sequence[RosterSheet]) -> list[str]:
    """The sheets to be read; each is named with the rows that it has, those left out too."""
    labels = {
        sheet.name: i18n.plural(
            "{sheet} ({count} row)", "{sheet} ({count} rows)", sheet.rows, sheet=sheet.name
        )
        for sheet in sheets
    }
    chosen = st.multiselect(
        _("Sheets to read"),
        list(labels),
        default=[sheet.name for sheet in sheets if sheet.is_read],
        format_func=labels.__getitem__,
        key="import-sheets",
        placeholder=_("Choose sheets"),
    )
    left_out = [labels[sheet.name] for sheet in sheets if sheet.name not in chosen]
    if left_out:
        st.warning(i18n.plain(_("Left out: {sheets}").format(sheets=", ".join(left_out))))
    return chosen


def _apply_text(plan: RosterOutcome) -> str:
    if not plan.corrected:
        return _("Add to the course: {count}").format(count=i18n.number_text(len(plan.added)))
    return _("Add: {added} · Correct: {corrected}").format(
        added=i18n.number_text(len(plan.added)), corrected=i18n.number_text(len(plan.corrected))
    )


def _forget_list() -> None:
    st.session_state.pop(_LIST, None)


def _show_applied() -> None:
    done = st.session_state.pop("import-done", None)
    if done is not None:
        text = _("Added: {added}. Of them new accounts: {created}. Corrected: {corrected}.")
        added, created, corrected = map(i18n.number_text, done)
        st.success(text.format(added=added, created=created, corrected=corrected))


def _compare(plan: RosterOutcome) -> None:
    """The parts of what an import would do, each row with its place in the file."""
    if plan.doubtful_names:
        names = ", ".join(plan.doubtful_names[:_NAMED])
        more = "…" if len(plan.doubtful_names) > _NAMED else ""
        text = _(
            "The file does not say how its letters are encoded. Check the accents of these names, or save "
            "the list as .xlsx: {names}"
        )
        st.warning(i18n.plain(text.format(names=names + more)))
    parts = (
        ("+ " + _("Would be added"), [_entry(entry) for entry in plan.added]),
        ("✎ " + _("Would be corrected"), [_correction(made) for made in plan.corrected]),
        ("✔ " + _("Already there"), [_entry(entry) for entry in plan.already_there]),
        (
            "✖ " + _("Rejected"),
            [
                {
                    _("Row"): _place(no.row, no.sheet),
                    _("E-mail"): no.email or "—",
                    _("Reason"): no.reason.sentence(i18n.language()),
                }
                for no in plan.rejected
            ],
        ),
    )
    for number, (title, rows) in enumerate(parts):
        st.markdown(f"**{title}: {i18n.number_text(len(rows))}**")
        if rows:
            st.dataframe(
                pd.DataFrame(rows[:_SHOWN]), hide_index=True, width="stretch", key=f"import-part-{number}"
            )
        if len(rows) > _SHOWN:
            st.caption(_("The first {count} are shown.").format(count=_SHOWN))


def _place(row: int, sheet: str) -> str:
    return f"{row} ({sheet})" if sheet else str(row)


def _correction(made: RosterCorrection) -> dict[str, str]:
    return {
        _("E-mail"): made.email,
        _("Field"): _("Name") if made.field == "full_name" else _("Code"),
        _("Before"): made.before or "—",
        _("Now"): made.after,
    }


def _entry(entry: RosterEntry) -> dict[str, str]:
    return {
        _("Row"): _place(entry.row, entry.sheet),
        _("E-mail"): entry.email,
        _("Name"): entry.full_name or "—",
        _("Code"): entry.student_code or "—",
        _("Account"): _("new to you") if entry.is_new_account else _("exists"),
    }
