"""The top of the monitor's screen: what waits and runs now, and where the trouble is."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.context import Actor
from core.services import alerts, inventory, monitoring, reports
from core.services.monitoring import Answer, Components, Queue, Scope, Verdicts
from dashboard import i18n, live, process, shell

_ = i18n.gettext


@st.cache_data(ttl=10, show_spinner=False)
def _components(_actor: Actor, asked_by: tuple[int | None, str]) -> Components:  # noqa: ARG001  the cache's key
    """Asked of the systems every ten seconds at most; `asked_by` tells answers apart."""
    return monitoring.read_components(process.context(), _actor)


def draw(visit: shell.Visit, scope: Scope) -> None:
    """The answer, the counts, each stage, and the systems."""
    ctx, actor = visit.ctx, visit.actor
    queue = monitoring.read_queue(ctx, actor, Scope(course_id=scope.course_id))
    components = _components(actor, (actor.user_id, str(ctx.db.url)))
    verdicts = monitoring.count_verdicts(ctx, actor, scope)
    failures = monitoring.group_failures(ctx, actor, scope)
    parked = reports.count_parked(ctx, actor, course_id=scope.course_id)
    answer = monitoring.answer_for(
        queue,
        components,
        verdicts,
        failures,
        missing_files=inventory.count_missing_files(ctx, actor, course_id=scope.course_id),
        open_incidents=len(alerts.list_incidents(ctx, actor, course_id=scope.course_id, is_open=True)),
    )
    _say(answer, components)
    _counts(queue, verdicts, sum(group.open for group in failures.groups), parked)
    left, right = st.columns(2)
    with left:
        _stages(queue)
    with right:
        _systems(components)


def _say(answer: Answer, components: Components) -> None:
    stalled = ", ".join(state.name for state in components.queues if state.is_stalled)
    sentences = {
        Answer.COMPONENT: _("A system does not answer: see below which. Accepted work is kept."),
        Answer.NOBODY_TAKES: _("It is the nodes: tasks wait and nobody takes them from the queue {queues}."),
        Answer.NOT_PUBLISHED: _("It is the queue: tasks wait that could not be handed to the broker yet."),
        Answer.QUEUE: _("It is the queue: nodes work, but tasks arrive faster than they are done."),
        Answer.NODES: _("It is the nodes: most failures are crashes or timeouts."),
        Answer.GRADER: _(
            "It is the grader, most likely: most tasks fail, and most of them with one message."
        ),
        Answer.STUDENTS: _("It is the students' work, most likely: many fail, for different reasons."),
        Answer.FILES: _(
            "Files that submissions need are gone from the file server: see Missing files below."
        ),
        Answer.ALERTS: _("Work is taken, but an alert is open: see above."),
        Answer.WELL: _("All is well: work is taken and nothing stands out."),
    }
    text = sentences[answer].format(queues=stalled)
    {Answer.WELL: st.success, Answer.STUDENTS: st.info}.get(answer, st.warning)(text)


def _counts(queue: Queue, verdicts: Verdicts, unsettled: int, parked: int) -> None:
    rate = f"{100 * verdicts.failed / verdicts.ended:.0f} %" if verdicts.ended else "—"
    with st.container(horizontal=True, key="now-counts"):
        st.metric(_("Waiting"), i18n.number_text(queue.waiting), border=True)
        st.metric(_("Running"), i18n.number_text(queue.running), border=True)
        st.metric(
            _("Failure rate"),
            rate,
            help=_("{failed} of {ended} that ended in this window").format(
                failed=i18n.number_text(verdicts.failed), ended=i18n.number_text(verdicts.ended)
            ),
            border=True,
        )
        st.metric(_("Open failures"), i18n.number_text(unsettled), border=True)
        st.metric(_("Not yet published"), i18n.number_text(queue.outbox), border=True)
        st.metric(_("Parked reports"), i18n.number_text(parked), border=True)
    if queue.oldest_waiting_seconds is not None:
        live.elapsed(_("The oldest has waited"), queue.oldest_waiting_seconds, key="oldest-waiting")


def _stages(queue: Queue) -> None:
    st.markdown(f"**{_('Per stage')}**")
    if not queue.stages:
        st.caption(_("Nothing waits and nothing runs."))
        return
    rows = [
        {
            _("Stage"): stage.stage_name,
            _("Waiting"): stage.waiting,
            _("Running"): stage.running,
            _("Oldest waiting"): i18n.duration_text(stage.oldest_waiting_seconds),
        }
        for stage in queue.stages
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="stages-now")


def _systems(components: Components) -> None:
    st.markdown(f"**{_('Systems')}**")
    names = {"database": "Postgres", "files": "FTP", "broker": _("Queue"), "worker": _("Worker")}
    for key, name in names.items():
        error = components.errors.get(key)
        st.markdown(f"✔ {name}" if error is None else f"✖ {name}: {error.sentence(i18n.language())}")
    for state in components.queues:
        mark = "✖" if state.is_stalled else "·"
        st.caption(
            f"{mark} {state.name}: {_('messages')} {i18n.number_text(state.messages)}, "
            f"{_('consumers')} {i18n.number_text(state.consumers)}"
        )
