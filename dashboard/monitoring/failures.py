"""Failures by cause: what is said of each, its tasks, and requeueing all of them in one operation."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import monitoring, operations, topics, triage
from core.services.monitoring import FailureGroup, Scope
from core.services.operations import FailuresOf
from core.vocabulary import OperationState, TriageState
from dashboard import address, i18n, live, shell

_ = i18n.gettext
TASKS_SHOWN = 100


def draw(visit: shell.Visit, scope: Scope) -> None:
    """How much fails, the list of causes, and one of them with what can be done about it."""
    _rates(visit, scope)
    states = _states()
    wanted = st.segmented_control(
        _("State"),
        list(states),
        format_func=states.__getitem__,
        required=True,
        key="triage",
        on_change=address.bound("triage", states, TriageState.OPEN.value),
    )
    _follow(visit)
    course = visit.course
    live.show(
        lambda fresh: _causes(fresh, scope, str(wanted)),
        topics=[topics.of_course(course.id) if course else topics.MONITORING],
        key="causes-now",
        quiet=True,
        gap_seconds=2.0,
    )


def _causes(visit: shell.Visit, scope: Scope, wanted: str) -> None:
    """The causes in the state `wanted`, and one of them: drawn again as submissions are run again."""
    states = _states()
    failures = monitoring.group_failures(visit.ctx, visit.actor, scope)
    groups = [group for group in failures.groups if wanted in (group.state.value, "all")]
    if not groups:
        st.success(_("Nothing to do here: no cause of failures is in this state in this window."))
        return
    st.caption(
        i18n.plural("{count} cause", "{count} causes", len(groups))
        + ", "
        + i18n.plural(
            "{count} failed submission",
            "{count} failed submissions",
            sum(group.count for group in groups),
        )
    )
    st.dataframe(
        pd.DataFrame([_row(visit, group, states[group.state.value]) for group in groups]),
        hide_index=True,
        column_config={_("Trend"): st.column_config.BarChartColumn(_("Trend"), y_min=0)},
        key="causes",
    )
    by_id = {group.id: group for group in groups}
    chosen = st.selectbox(
        _("Cause"),
        list(by_id),
        format_func=lambda number: by_id[number].message or "—",
        key="group",
        on_change=address.bound("group", by_id, next(iter(by_id))),
    )
    if chosen in by_id:
        if visit.role is not None:
            _act(visit, scope, by_id[chosen])
        _tasks(visit, scope, by_id[chosen])


def _states() -> dict[str, str]:
    return {
        TriageState.OPEN.value: "● " + _("Open"),
        TriageState.ACKNOWLEDGED.value: "◐ " + _("Acknowledged"),
        TriageState.HANDLED.value: "✔ " + _("Handled"),
        "all": _("All"),
    }


def _rates(visit: shell.Visit, scope: Scope) -> None:
    """How much fails: per stage of what was handed in within the window, and by whom of what ended in it."""
    verdicts = monitoring.count_verdicts(visit.ctx, visit.actor, scope)
    stages = monitoring.count_by_stage(visit.ctx, visit.actor, scope)
    judged = verdicts.failed - verdicts.crashed
    parts = [(stage.stage_name, stage.failed, stage.completed + stage.failed) for stage in stages]
    parts.append((_("By a verdict on the work"), judged, verdicts.ended))
    parts.append((_("By a crash or a timeout"), verdicts.crashed, verdicts.ended))
    rows = [
        {
            _("Of what"): name,
            _("Failure rate"): f"{i18n.number_text(round(100 * failed / ended, 1))} %" if ended else "—",
            _("Failed"): failed,
            _("Ended"): ended,
        }
        for name, failed, ended in parts
    ]
    with st.expander(_("Failure rate by stage and by whom"), key="rates"):
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="failure-rates")


def _row(visit: shell.Visit, group: FailureGroup, state: str) -> dict[str, object]:
    return {
        _("Message"): group.message or "—",
        _("Failures"): group.count,
        _("Trend"): list(group.trend),
        _("Still open"): group.open,
        _("Students"): group.students,
        _("Stage"): ", ".join(group.stages),
        _("Definition and version"): ", ".join(group.versions),
        _("First seen"): i18n.datetime_text(group.first_seen, visit.zone),
        _("Last seen"): i18n.datetime_text(group.last_seen, visit.zone),
        _("State"): state,
        _("Looked after by"): group.owner_email or "—",
        _("Note"): group.note,
    }


def _act(visit: shell.Visit, scope: Scope, group: FailureGroup) -> None:
    selection = FailuresOf(scope, group.id)
    preview = operations.preview_requeue(visit.ctx, visit.actor, selection)
    sample = ", ".join(task.student_email for task in preview.sample)
    st.write(
        _("{count} would be requeued, among them: {sample}").format(
            count=i18n.number_text(preview.requeueable), sample=i18n.plain(sample) or "—"
        )
    )
    note = st.text_input(_("Cause and remedy, for those who read it later"), key=f"note-{group.id}")
    with st.container(horizontal=True, key="cause-actions"):
        label = _("Requeue all {count} and mark as handled").format(count=preview.requeueable)
        none = preview.requeueable == 0
        if st.button(label, type="primary", disabled=none, key="requeue-and-handle"):
            _start(visit, selection, note)
            _say(visit, group, TriageState.HANDLED, note)
        if st.button(_("Requeue all only"), disabled=none, key="requeue-group"):
            _start(visit, selection, note)
            st.rerun()
        if st.button(_("Acknowledge"), key="acknowledge"):
            _say(visit, group, TriageState.ACKNOWLEDGED, note)
        if st.button(_("Mark as handled"), key="handle"):
            _say(visit, group, TriageState.HANDLED, note)
        if group.state is not TriageState.OPEN and st.button(_("Open again"), key="reopen"):
            _say(visit, group, TriageState.OPEN, note)


def _start(visit: shell.Visit, selection: operations.Selection, note: str) -> None:
    operations.start_requeue(visit.ctx, visit.actor, selection, note, shell.form_key("requeue-group"))
    shell.renew_form_key("requeue-group")


def _say(visit: shell.Visit, group: FailureGroup, state: TriageState, note: str) -> None:
    if visit.course is not None:
        triage.set_state(visit.ctx, visit.actor, visit.course.id, group.id, state, note=note)
    st.rerun()


def _tasks(visit: shell.Visit, scope: Scope, group: FailureGroup) -> None:
    rows = monitoring.list_failures(visit.ctx, visit.actor, scope, limit=TASKS_SHOWN, group_id=group.id)
    if group.count > len(rows):
        text = _("The latest {count} of {all} are shown; requeueing all reaches every one.")
        st.caption(text.format(count=i18n.number_text(len(rows)), all=i18n.number_text(group.count)))
    shown = [
        {
            _("Submission"): f"/task?task={row.task_id}",
            _("Student"): row.student_email,
            _("Assignment"): row.assignment_name,
            _("Stage"): row.stage_name,
            _("Reason"): row.reason or "—",
            _("Failed at"): i18n.datetime_text(row.failed_at, visit.zone),
            _("Attempt"): row.attempt,
            _("Requeues"): row.requeue_count,
        }
        for row in rows
    ]
    link = st.column_config.LinkColumn(_("Submission"), display_text=r"task=(\d+)")
    picked = st.dataframe(
        pd.DataFrame(shown),
        hide_index=True,
        column_config={_("Submission"): link},
        on_select="rerun",
        selection_mode="multi-row",
        key=f"tasks-{group.id}",
    )
    if visit.role is None:  # an administrator looks on; who teaches the course acts
        return
    chosen = tuple(rows[index].task_id for index in picked.selection.rows if index < len(rows))
    why = str(st.session_state.get(f"note-{group.id}") or "")
    label = _("Requeue the selected ones") + f" ({len(chosen)})"
    if st.button(label, disabled=not chosen, key="requeue"):
        _start(visit, operations.ChosenTasks(chosen), why)
        st.rerun()


def _follow(visit: shell.Visit) -> None:
    """The latest re-run of many that this person started, as it goes on."""

    def progress(fresh: shell.Visit) -> None:
        latest = operations.list_mine(fresh.ctx, fresh.actor, limit=1)
        if not latest:
            return
        view = latest[0]
        words = _("Re-run: {done} of {total} dealt with; since then {passed} passed, {failed} failed")
        text = words.format(done=view.done, total=view.total, passed=view.passed, failed=view.failed)
        if view.state is OperationState.RUNNING:
            st.progress(view.done / view.total, text=text)
        else:
            st.caption(text)
        st.caption(_("What became of each submission stands under *Re-runs*."))

    user = f"user:{visit.actor.user_id}"
    live.show(progress, topics=[user], key="progress", gap_seconds=1.0)
