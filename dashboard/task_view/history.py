"""Everything about a submission in one order of time: its steps, requeues, what people did, what was said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.services import audit, progress, submissions
from core.services.audit import AuditFilter
from core.services.submissions import AttemptView, TaskView
from core.vocabulary import LogLevel
from dashboard import i18n, shell
from dashboard.monitoring import deeds
from dashboard.tables import status_label
from dashboard.task_view.lines import said, source_label
from dashboard.task_view.timeline import cause_of_requeue

_ = i18n.gettext


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, of one of the kinds that can be chosen."""

    at: datetime
    kind: str
    attempt: int | None
    what: str
    who: str = ""


def show(visit: shell.Visit, task_id: int) -> None:
    """One table, the first event first, of the kinds that are chosen."""
    kinds = {
        "step": _("Steps"),
        "requeue": _("Requeues"),
        "person": _("People"),
        "report": _("Reports and log"),
    }
    task = submissions.get_task(visit.ctx, visit.actor, task_id)
    chosen = st.pills(
        _("Show"), list(kinds), format_func=kinds.__getitem__, selection_mode="multi", key="kinds"
    )
    events = [event for event in events_of(visit, task) if not chosen or event.kind in chosen]
    if task.logs_cursor is not None:
        st.caption(
            i18n.plural(
                "Of the log the newest line is here; all of them are below.",
                "Of the log the newest {count} lines are here; all of them are below.",
                len(task.logs),
            )
        )
    rows = [_row(event, kinds, visit.zone) for event in events]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="events")


def events_of(visit: shell.Visit, task: TaskView) -> list[Event]:
    """All that is known, in order of time."""
    number = task.summary.id
    found = [Event(task.summary.created_at, "step", None, _("Received and stored"), task.student_email)]
    for attempt in task.attempts:
        found += _steps(attempt)
    for again in progress.list_requeues(visit.ctx, visit.actor, number):
        found.append(Event(again.at, "requeue", again.attempt, cause_of_requeue(again.cause)))
    if task.course_id is not None:
        names = deeds.actions()
        wanted = AuditFilter(course_id=task.course_id, task_id=number)
        for entry in audit.list_entries(visit.ctx, visit.actor, wanted):
            text = ": ".join(part for part in (names[entry.action.value], entry.note) if part)
            found.append(Event(entry.at, "person", None, text, entry.actor_email or "ULOS"))
    for line in task.logs:
        text = f"[{line.stage_name}] {said(line)}" if line.stage_name else said(line)
        mark = "" if line.level is LogLevel.INFO else "✖ " if line.level is LogLevel.ERROR else "! "
        found.append(Event(line.logged_at, "report", line.attempt, mark + text, source_label(line.source)))
    return sorted(found, key=lambda event: event.at)


def _steps(attempt: AttemptView) -> Iterator[Event]:
    number = attempt.number
    opened = _("Attempt {number} opened").format(number=number)
    moments = [
        (attempt.created_at, opened),
        (attempt.copied_at, _("Copied for processing")),
        (attempt.published_at, _("Handed to the queue")),
        (attempt.stalled_at, _("Nothing was heard of it any more")),
    ]
    for stage in attempt.stages:
        moments.append((stage.started_at, f"{stage.stage_name}: {_('begun')}"))
        moments.append((stage.ended_at, f"{stage.stage_name}: {status_label(stage.status)}"))
    moments.append((attempt.ended_at, _("Result")))
    for at, text in moments:
        if at is not None:
            yield Event(at, "step", number, text)


def _row(event: Event, kinds: dict[str, str], zone: ZoneInfo) -> dict[str, object]:
    return {
        _("When"): i18n.precise_text(event.at, zone),
        _("Kind"): kinds[event.kind],
        _("Attempt"): str(event.attempt or ""),
        _("What"): event.what,
        _("Who"): event.who,
    }
