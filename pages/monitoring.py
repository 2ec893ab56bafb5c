"""For monitors: how many wait, run, failed and were requeued; what failed, and running it again."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from core.services import monitoring, requeues, topics
from core.services.monitoring import Scope
from dashboard import charts, i18n, live, shell

_ = i18n.gettext
visit = shell.enter()
WINDOWS = {"24": timedelta(hours=24), "168": timedelta(days=7), "720": timedelta(days=30), "all": None}


def scope_of(fresh: shell.Visit) -> Scope:
    """The chosen course and window."""
    window = WINDOWS[str(st.session_state.get("window") or "720")]
    since = fresh.ctx.now() - window if window else None
    return Scope(course_id=fresh.course.id if fresh.course else None, since=since)


def figures(fresh: shell.Visit) -> None:
    """The numbers and charts, fresh."""
    summary = monitoring.summarise(fresh.ctx, fresh.actor, scope_of(fresh))
    shown = {
        _("Waiting"): i18n.number_text(summary.waiting),
        _("Oldest waiting"): i18n.duration_text(summary.oldest_waiting_seconds),
        _("Running"): i18n.number_text(summary.running),
        _("Passed"): i18n.number_text(summary.completed),
        _("Failed"): i18n.number_text(summary.failed),
        _("Requeues"): i18n.number_text(summary.requeues),
        _("Not yet published"): i18n.number_text(summary.outbox),
    }
    for column, (label, number) in zip(st.columns(len(shown)), shown.items(), strict=True):
        column.metric(label, number)
    left, right = st.columns(2)
    hours = monitoring.count_by_hour(fresh.ctx, fresh.actor, scope_of(fresh))
    with left:
        st.markdown(f"**{_('Per hour')}**")
        times = [hour.hour.astimezone(fresh.zone) for hour in hours]
        chart = charts.bars(
            times,
            {
                "completed": (_("Passed"), [hour.completed for hour in hours]),
                "failed": (_("Failed"), [hour.failed for hour in hours]),
                "requeued": (_("Requeued"), [hour.requeued for hour in hours]),
            },
        )
        st.plotly_chart(chart, key="hours-chart")
    stages = monitoring.count_by_stage(fresh.ctx, fresh.actor, scope_of(fresh))
    with right:
        st.markdown(f"**{_('Per stage')}**")
        chart = charts.bars(
            [stage.stage_name for stage in stages],
            {
                "waiting": (_("Waiting"), [stage.waiting for stage in stages]),
                "running": (_("Running"), [stage.running for stage in stages]),
                "completed": (_("Passed"), [stage.completed for stage in stages]),
                "failed": (_("Failed"), [stage.failed for stage in stages]),
            },
        )
        st.plotly_chart(chart, key="stages-chart")


def failures() -> None:
    """What stands failed; the selected ones can be requeued."""
    failed = monitoring.list_failures(visit.ctx, visit.actor, scope_of(visit))
    st.subheader(_("Failures"))
    if not failed:
        st.info(_("Nothing has failed in this window."))
        return
    rows = [
        {
            _("Student"): row.student_email,
            _("Assignment"): row.assignment_name,
            _("Stage"): row.stage_name,
            _("Reason"): row.reason or "—",
            _("Failed at"): i18n.datetime_text(row.failed_at, visit.zone),
            _("Attempt"): row.attempt,
            _("Requeues"): row.requeue_count,
        }
        for row in failed
    ]
    picked = st.dataframe(
        pd.DataFrame(rows), hide_index=True, on_select="rerun", selection_mode="multi-row", key="failures"
    )
    chosen = [failed[index].task_id for index in picked.selection.rows if index < len(failed)]
    note = st.text_input(_("Why are they repeated?"), key="requeue-note")
    label = _("Requeue the selected ones") + f" ({len(chosen)})"
    if st.button(label, type="primary", disabled=not chosen, key="requeue"):
        for task_id in chosen:
            requeues.requeue(visit.ctx, visit.actor, task_id, note=note)
        st.toast(label)
        st.rerun()


st.title(_("Monitoring"))
names = {"24": _("24 hours"), "168": _("7 days"), "720": _("30 days"), "all": _("Everything")}
st.segmented_control(
    _("Window"), list(names), format_func=names.__getitem__, default="720", key="window", bind="query-params"
)
followed = topics.of_course(visit.course.id) if visit.course else topics.MONITORING
live.show(figures, topics=[followed], pausable=True, gap_seconds=2.0)
with shell.errors():
    failures()
