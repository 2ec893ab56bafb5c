"""Running failed submissions again: count and sample first, then a reason; and what became of it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services import operations, topics
from core.services.operations import OperationView, Preview, Selection
from core.vocabulary import ItemOutcome, OperationState, Role
from dashboard import i18n, live, shell
from dashboard import trial as trials
from dashboard.tables import status_label

_ = i18n.gettext


def ask(visit: shell.Visit, selection: Selection, *, key: str) -> None:
    """Say what a re-run of `selection` would do, and start it when told to. `key` tells several apart."""
    with st.container(border=True), shell.errors():
        st.markdown(f"**{_('Run failed submissions again')}**")
        trial = visit.role is Role.PROFESSOR and st.checkbox(
            _("On trial: also those that have passed; nothing counts until you apply it"), key=f"trial-{key}"
        )
        seen = operations.preview_requeue(visit.ctx, visit.actor, selection, trial=trial)
        text = (
            _("{selected} selected; {requeueable} of them have a result and would be run again on trial.")
            if trial
            else _("{selected} selected; {requeueable} of them have failed and would be run again.")
        )
        st.write(
            text.format(
                selected=i18n.number_text(seen.selected), requeueable=i18n.number_text(seen.requeueable)
            )
        )
        if seen.exhausted:
            text = _("{count} have had all their attempts and are left alone.")
            st.caption(text.format(count=i18n.number_text(seen.exhausted)))
        if not seen.requeueable:
            return
        _sample(visit, seen, key)
        note = st.text_input(
            _("Reason (kept in the history of each submission)"), key=f"note-{key}", max_chars=500
        )
        label = _("Run {count} again").format(count=i18n.number_text(seen.requeueable))
        if st.button(label, type="primary", disabled=not note.strip(), key=f"start-{key}"):
            form = f"rerun-{key}"
            number = operations.start_requeue(
                visit.ctx, visit.actor, selection, note, shell.form_key(form), trial=trial
            )
            shell.renew_form_key(form)
            st.session_state["rerun-started"] = number
            st.rerun()


def _sample(visit: shell.Visit, seen: Preview, key: str) -> None:
    """Some of the submissions that would be run again."""
    st.caption(_("For example:"))
    rows = [
        {
            _("Reference"): task.reference,
            _("Student"): task.student_email,
            _("Submitted"): i18n.datetime_text(task.submitted_at, visit.zone),
            _("Attempt"): task.attempt,
        }
        for task in seen.sample
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key=f"sample-{key}", alt=_("For example:"))


def announce() -> bool:
    """Whether a re-run has just been started on this page; says so once."""
    number = st.session_state.pop("rerun-started", None)
    if number is not None:
        st.toast(_("Re-run {number} has started.").format(number=number))
    return number is not None


def follow(visit: shell.Visit) -> None:
    """The re-runs that the person has started, as they go on."""
    followed = [topics.of_user(visit.person.id)]
    if visit.course:
        followed.append(topics.of_course(visit.course.id))
    live.show(_mine, topics=followed, key="reruns", gap_seconds=1.0)


def _mine(visit: shell.Visit) -> None:
    views = operations.list_mine(visit.ctx, visit.actor)
    if not views:
        st.info(_("You have not run anything again yet. Choose submissions in the list, or a reason."))
    for view in views:
        with st.container(border=True):
            _one(visit, view)


def _one(visit: shell.Visit, view: OperationView) -> None:
    labels = {
        OperationState.RUNNING: "◐ " + _("Running"),
        OperationState.ENDED: "✔ " + _("Done"),
        OperationState.STOPPED: "■ " + _("Stopped"),
    }
    name = _("Re-run on trial") if view.is_trial else _("Re-run")
    st.markdown(f"**{name} {view.id}** · {labels[view.state]}")
    st.caption(f"{i18n.datetime_text(view.created_at, visit.zone)} · {i18n.plain(view.note)}")
    done, total = i18n.number_text(view.done), i18n.number_text(view.total)
    st.progress(view.done / view.total, _("{done} of {total} dealt with").format(done=done, total=total))
    if view.is_trial:
        trials.show(visit, view)
    elif view.outcomes.get(ItemOutcome.REQUEUED):
        text = _("Run again: {passed} have passed, {failed} have failed again, {under_way} are under way.")
        st.write(
            text.format(
                passed=i18n.number_text(view.passed),
                failed=i18n.number_text(view.failed),
                under_way=i18n.number_text(view.under_way),
            )
        )
    running = view.state is OperationState.RUNNING
    if running and st.button(_("Stop"), key=f"stop-{view.id}", help=_("What waits is left as it is.")):
        operations.stop(visit.ctx, visit.actor, view.id)
        st.rerun(scope="fragment")
    if not view.is_trial and st.toggle(_("Each submission, before and after"), key=f"items-{view.id}"):
        _items(visit, view)


def _items(visit: shell.Visit, view: OperationView) -> None:
    words = {
        None: _("waits for its turn"),
        ItemOutcome.REQUEUED: _("run again"),
        ItemOutcome.NOT_FAILED: _("left alone: it no longer stands failed"),
        ItemOutcome.TOO_MANY: _("left alone: it has had all its attempts"),
        ItemOutcome.GONE: _("left alone: it was deleted"),
        ItemOutcome.NOT_ALLOWED: _("left alone: you may no longer requeue there"),
        ItemOutcome.ERROR: _("a fault of ours; the log of the worker has it"),
    }
    pages = max(1, -(-view.total // operations.PAGE))
    page = st.pagination(pages, key=f"items-page-{view.id}") if pages > 1 else 1
    rows = [
        {
            _("Student"): item.student_email or "—",
            _("Assignment"): item.assignment_name or "—",
            _("Before"): f"✖ {item.failed_stage or '—'}: {item.failed_reason or '—'}",
            _("What was done"): words[item.outcome],
            _("Now"): status_label(item.status) if item.status else "—",
        }
        for item in operations.list_items(visit.ctx, visit.actor, view.id, page=page)
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key=f"items-table-{view.id}",
        alt=_("Each submission, before and after"),
    )
