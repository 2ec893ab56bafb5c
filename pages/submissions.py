"""For professors and monitors: every student of an assignment with the status of each stage."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import streamlit as st

from core.services import assignments, requeues, submissions, topics
from core.vocabulary import StageStatus
from dashboard import charts, i18n, live, shell, task_view
from dashboard.tables import stage_label, status_label

_ = i18n.gettext
visit = shell.enter()
ORDER = (StageStatus.PENDING, StageStatus.IN_PROGRESS, StageStatus.COMPLETED, StageStatus.FAILED, None)


def table(rows: list[submissions.StudentRow]) -> pd.DataFrame:
    """What is shown of each student."""
    shown = []
    for row in rows:
        failed = row.status is StageStatus.FAILED
        stages = {name: stage_label(status, after_failure=failed) for name, status in row.stages}
        shown.append(
            {
                _("Student"): row.student_email,
                _("Status"): status_label(row.status),
                **stages,
                _("Attempt"): row.attempt,
                _("Requeues"): row.requeue_count,
                _("Submissions"): row.submissions,
                _("Submitted"): i18n.datetime_text(row.submitted_at, visit.zone),
            }
        )
    return pd.DataFrame(shown)


st.title(_("Submissions"))
if visit.course is None:
    st.info(_("You are in no course yet."))
    st.stop()
with shell.errors():
    views = {view.id: view for view in assignments.list_assignments(visit.ctx, visit.actor, visit.course.id)}
    if not views:
        st.info(_("There is no assignment yet."))
        st.stop()
    chosen = st.selectbox(
        _("Assignment"),
        list(views),
        format_func=lambda number: views[number].assignment_name,
        key="assignment",
        bind="query-params",
    )
    rows = submissions.overview(visit.ctx, visit.actor, chosen)
    counts = Counter(row.status for row in rows)
    for column, status in zip(st.columns(len(ORDER)), ORDER, strict=True):
        column.metric(status_label(status), i18n.number_text(counts[status]))
    search = st.text_input(_("Search by e-mail"), key="search", bind="query-params")
    wanted = [row for row in rows if search.lower() in row.student_email]
    picked = st.dataframe(
        table(wanted),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"students-{chosen}",
    )
    stages = [name for row in rows if row.stages for name, _status in row.stages]
    names = list(dict.fromkeys(stages))
    by_stage = Counter((name, status) for row in rows for name, status in row.stages)
    if names:
        st.plotly_chart(
            charts.bars(
                names,
                {
                    "completed": (_("Passed"), [by_stage[name, StageStatus.COMPLETED] for name in names]),
                    "failed": (_("Failed"), [by_stage[name, StageStatus.FAILED] for name in names]),
                    "running": (_("Running"), [by_stage[name, StageStatus.IN_PROGRESS] for name in names]),
                },
            ),
            key="stages-chart",
        )
    selected = [wanted[index] for index in picked.selection.rows if index < len(wanted)]
    if selected and selected[0].task_id is not None:
        task_id = selected[0].task_id
        st.subheader(selected[0].student_email)
        chosen = submissions.get_task(visit.ctx, visit.actor, task_id)
        if selected[0].status is StageStatus.FAILED or chosen.current.stalled_at:
            if st.button(_("Requeue"), key=f"requeue-{task_id}"):
                requeues.requeue(visit.ctx, visit.actor, task_id)
                st.rerun()
        live.show(lambda fresh: task_view.show(fresh, task_id), topics=[topics.of_task(task_id)])
