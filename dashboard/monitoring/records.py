"""What was put aside, has fallen silent or is gone."""

from __future__ import annotations

import streamlit as st

from core.services import inventory, repeated_runs, reports, requeues, stalled
from core.services.monitoring import Scope
from core.services.repeated_runs import Troubled
from core.vocabulary import FileKind, ParkReason
from dashboard import i18n, shell

_ = i18n.gettext

FILES_SHOWN = 100


def parked(visit: shell.Visit, scope: Scope) -> None:
    """Each report that could not be applied, with what can be done about it."""
    rows = reports.list_parked(visit.ctx, visit.actor, course_id=scope.course_id)
    if not rows:
        st.success(_("No report is parked."))
        return
    reasons = {
        ParkReason.UNREADABLE: _("It cannot be read."),
        ParkReason.NODE_COULD_NOT_READ: _("A node got a message that it could not read."),
        ParkReason.UNKNOWN_KEY: _("No report comes under this key."),
        ParkReason.UNKNOWN_TASK: _("There is no such submission."),
        ParkReason.UNKNOWN_ATTEMPT: _("The submission has no attempt with this file."),
        ParkReason.UNKNOWN_STAGE: _("It has more stages left than the attempt has."),
        ParkReason.REFUSED: _("The database refused the change."),
    }
    for row in rows:
        when = i18n.datetime_text(row.received_at, visit.zone)
        with st.expander(
            f"{when} · {i18n.plain(row.routing_key)} · {reasons[row.reason]}", key=f"parked-{row.id}"
        ):
            st.code(row.preview, language=None, wrap_lines=True)
            if row.task_id is not None and row.course_id is not None:
                st.link_button(_("Open the submission"), f"/task?task={row.task_id}")
            with st.container(horizontal=True, key=f"parked-actions-{row.id}"):
                if st.button(_("Apply again"), key=f"apply-{row.id}"):
                    reports.apply_parked(visit.ctx, visit.actor, row.id)
                    st.rerun()
                if st.button(_("Discard"), key=f"discard-{row.id}"):
                    reports.discard_parked(visit.ctx, visit.actor, row.id)
                    st.rerun()


def missing_files(visit: shell.Visit, scope: Scope) -> None:
    """Each file that a row names and that is not on the file server, with what mends it."""
    rows = inventory.list_missing_files(visit.ctx, visit.actor, course_id=scope.course_id)
    if not rows:
        st.success(_("Every file that is needed was there when the file server was last looked through."))
        return
    mends = {
        FileKind.ORIGINAL: _("The original of a submission. Put it back from a backup of the file server."),
        FileKind.ATTEMPT: _(
            "The archive of an attempt. Requeue the submission: its original is copied again."
        ),
        FileKind.IMAGE: _("The image of a stage. Upload it again on the page Definitions."),
        FileKind.STATEMENT: _("The statement of an assignment. Upload it again on the page Assignments."),
    }
    for row in rows[:FILES_SHOWN]:
        with st.container(border=True, key=f"missing-{row.path}"):
            since = i18n.datetime_text(row.found_at, visit.zone)
            st.markdown(f"**{i18n.plain(row.subject)}** · " + _("gone since {when}").format(when=since))
            st.caption(mends[row.kind])
            st.code(row.path, language=None, wrap_lines=True)
            if row.task_id is not None and row.course_id is not None:
                st.link_button(_("Open the submission"), f"/task?task={row.task_id}")
    if len(rows) > FILES_SHOWN:
        st.caption(_("{count} more are not shown.").format(count=i18n.number_text(len(rows) - FILES_SHOWN)))


def silent(visit: shell.Visit, scope: Scope) -> None:
    """Each stalled submission with the last that was heard of it, and a way to run it again."""
    rows = stalled.list_stalled(visit.ctx, visit.actor, Scope(course_id=scope.course_id))
    troubled = repeated_runs.list_troubled(visit.ctx, visit.actor, Scope(course_id=scope.course_id))
    for task in troubled:
        _troubled(visit, task)
    if not rows and not troubled:
        st.success(_("No submission is stalled."))
        return
    for row in rows:
        since = i18n.datetime_text(row.silent_since, visit.zone)
        with st.container(border=True, key=f"silent-{row.task_id}"):
            st.markdown(
                f"**{row.reference}** · {i18n.plain(row.stage_name)} · "
                + _("nothing heard since {when}").format(when=since)
            )
            st.caption(_("The last that was heard:"))
            st.code(row.last_heard or _("nothing at all so far"), language=None, wrap_lines=True)
            with st.container(horizontal=True, key=f"silent-actions-{row.task_id}"):
                st.link_button(_("Open the submission"), f"/task?task={row.task_id}")
                if st.button(_("Requeue"), key=f"requeue-silent-{row.task_id}"):
                    requeues.requeue(visit.ctx, visit.actor, row.task_id)
                    st.rerun()


def _troubled(visit: shell.Visit, row: Troubled) -> None:
    with st.container(border=True, key=f"troubled-{row.task_id}"):
        st.markdown(f"**{row.reference}**")
        if row.lack:
            text = _("It passed, but its results lack its own files after several runs: {names}")
        else:
            text = _("It crashes on the nodes over and over. Runs without a result: {count}")
        st.caption(text.format(count=row.runs, names=i18n.plain(", ".join(row.lack[:FILES_SHOWN]))))
        with st.container(horizontal=True, key=f"troubled-actions-{row.task_id}"):
            st.link_button(_("Open the submission"), f"/task?task={row.task_id}")
            if st.button(_("Requeue"), key=f"requeue-troubled-{row.task_id}"):
                requeues.requeue(visit.ctx, visit.actor, row.task_id)
                st.rerun()
