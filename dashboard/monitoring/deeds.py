"""Who did what to which submissions, when and why: to be narrowed, linked to, and taken along as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.context import Actor, Context
from core.services import audit, exports
from core.services.audit import AuditFilter, Entry
from core.services.monitoring import Scope
from core.vocabulary import AuditAction
from dashboard import address, i18n, shell

_ = i18n.gettext
ANY = "any"
EMAIL_LIMIT = 254


def draw(visit: shell.Visit, scope: Scope, *, task_id: int | None = None) -> None:
    """The latest entries that match, and all of them as CSV."""
    names = actions()
    left, right = st.columns(2)
    action = left.selectbox(
        _("What"),
        [ANY, *names],
        format_func=lambda key: names.get(key, _("All")),
        key="action",
        on_change=address.bound("action", [ANY, *names], ANY),
    )
    email = right.text_input(
        _("Who (e-mail)"), key="who", max_chars=EMAIL_LIMIT, on_change=address.bound_text("who", EMAIL_LIMIT)
    )
    wanted = AuditFilter(
        course_id=scope.course_id,
        task_id=task_id,
        action=AuditAction(action) if action != ANY else None,
        actor_email=email.strip().lower() or None,
        since=scope.since,
    )
    entries = audit.list_entries(visit.ctx, visit.actor, wanted)
    if not entries:
        st.info(_("Nothing of the kind was done in this window."))
        return
    table = Table(_header(), names, visit.zone)
    st.dataframe(
        pd.DataFrame([table.row(entry) for entry in entries], columns=table.header),
        hide_index=True,
        key="audit",
    )
    if len(entries) == audit.PAGE:
        latest = i18n.number_text(audit.PAGE)
        st.caption(_("The latest {count} are shown; the file has all of them.").format(count=latest))
    st.download_button(
        _("Download as CSV"),
        lambda: table.as_csv(visit.ctx, visit.actor, wanted),
        file_name="audit.csv",
        mime="text/csv",
        on_click="ignore",
        key="audit-csv",
    )


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of the entries in the reader's words, kept for a file that is made after the page's run."""

    header: list[str]
    names: dict[str, str]
    zone: ZoneInfo

    def row(self, entry: Entry) -> list[exports.Cell]:
        """What is said of an entry, in the order of the header."""
        return [
            entry.at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S"),
            _plain(entry.actor_email or "ULOS"),
            self.names[entry.action.value],
            _plain(entry.subject),
            _plain(entry.note),
            json.dumps(entry.before, ensure_ascii=False) if entry.before else "",
            json.dumps(entry.after, ensure_ascii=False) if entry.after else "",
        ]

    def as_csv(self, ctx: Context, actor: Actor, wanted: AuditFilter) -> bytes:
        """Every entry that matches, the latest first."""
        rows = [self.row(entry) for entry in _all(ctx, actor, wanted)]
        return b"".join(exports.as_csv(self.header, rows, language=i18n.language()))


def _all(ctx: Context, actor: Actor, wanted: AuditFilter) -> Iterator[Entry]:
    before = None
    while entries := audit.list_entries(ctx, actor, wanted, before=before):
        yield from entries
        before = entries[-1].id


def _header() -> list[str]:
    return [_("When"), _("Who"), _("What"), _("Of what"), _("Why"), _("Before"), _("After")]


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
        AuditAction.KEY_MOVED.value: _("Routing key moved"),
        AuditAction.ALERT_RULE_CHANGED.value: _("Alert rule changed"),
        AuditAction.ALERT_TARGET_ADDED.value: _("Target of notices added"),
        AuditAction.ALERT_TARGET_REMOVED.value: _("Target of notices removed"),
        AuditAction.INCIDENT_ACKNOWLEDGED.value: _("Alert acknowledged"),
    }


def _plain(text: str) -> str:
    """`text` so that a spreadsheet takes it for text: the table on the screen can be downloaded, too."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
