"""What was put aside, has fallen silent or is gone, and who did what."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from core.services import audit, inventory, reports, requeues, stalled
from core.services.audit import AuditFilter, Entry
from core.services.monitoring import Scope
from core.vocabulary import AuditAction, FileKind, ParkReason
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
        with st.expander(f"{when} · {row.routing_key} · {reasons[row.reason]}", key=f"parked-{row.id}"):
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
    if not rows:
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


def deeds(visit: shell.Visit, scope: Scope, *, task_id: int | None = None) -> None:
    """Who did what to which submissions, when and why; filters, and the list as CSV."""
    names = actions()
    left, right = st.columns(2)
    action = left.selectbox(
        _("What"), ["", *names], format_func=lambda key: names.get(key, _("All")), key="action"
    )
    email = right.text_input(_("Who (e-mail)"), key="who")
    wanted = AuditFilter(
        course_id=scope.course_id,
        task_id=task_id,
        action=AuditAction(action) if action else None,
        actor_email=email.strip().lower() or None,
        since=scope.since,
    )
    entries = audit.list_entries(visit.ctx, visit.actor, wanted)
    if not entries:
        st.info(_("Nothing of the kind was done in this window."))
        return
    frame = pd.DataFrame([_entry(visit, entry, names) for entry in entries])
    st.dataframe(frame, hide_index=True, key="audit")
    st.download_button(
        _("Download as CSV"),
        frame.to_csv(index=False).encode("utf-8-sig"),
        file_name="audit.csv",
        mime="text/csv",
        on_click="ignore",
        key="audit-csv",
    )


def actions() -> dict[str, str]:
    """What can be done, in words."""
    return {
        AuditAction.REQUEUE.value: _("Requeued"),
        AuditAction.TRIAL.value: _("Run again on trial"),
        AuditAction.TRIAL_APPLIED.value: _("Trial applied"),
        AuditAction.TRIAL_DISCARDED.value: _("Trial discarded"),
        AuditAction.TRIAGE.value: _("Cause of failures judged"),
        AuditAction.PARKED_APPLIED.value: _("Parked report applied"),
        AuditAction.PARKED_DISCARDED.value: _("Parked report discarded"),
        AuditAction.ASSIGNMENT_CREATED.value: _("Assignment created"),
        AuditAction.ASSIGNMENT_CHANGED.value: _("Assignment changed"),
        AuditAction.ASSIGNMENT_DELETED.value: _("Assignment deleted"),
        AuditAction.DEFINITION_CREATED.value: _("Definition created"),
        AuditAction.DEFINITION_CHANGED.value: _("Definition changed"),
        AuditAction.DEFINITION_DELETED.value: _("Definition deleted"),
        AuditAction.ALERT_RULE_CHANGED.value: _("Alert rule changed"),
        AuditAction.ALERT_TARGET_ADDED.value: _("Target of notices added"),
        AuditAction.ALERT_TARGET_REMOVED.value: _("Target of notices removed"),
        AuditAction.INCIDENT_ACKNOWLEDGED.value: _("Alert acknowledged"),
    }


def _entry(visit: shell.Visit, entry: Entry, names: dict[str, str]) -> dict[str, object]:
    return {
        _("When"): i18n.datetime_text(entry.at, visit.zone),
        _("Who"): _plain(entry.actor_email or "ULOS"),
        _("What"): names[entry.action.value],
        _("Of what"): _plain(entry.subject),
        _("Why"): _plain(entry.note),
        _("Before"): json.dumps(entry.before, ensure_ascii=False) if entry.before else "",
        _("After"): json.dumps(entry.after, ensure_ascii=False) if entry.after else "",
    }


def _plain(text: str) -> str:
    """`text` so that a spreadsheet takes it for text, not for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
