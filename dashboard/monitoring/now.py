"""The top of the monitor's screen: what waits and runs now, and where the trouble is."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.context import Actor
from core.services import health, inventory, monitoring, reports
from core.services.alerts import Incident
from core.services.monitoring import ABOUT_FAILURES, Answer, Components, Evidence, Queue, Scope, Verdicts
from dashboard import i18n, live, process, shell, systems
from dashboard.monitoring import alerts, verdict

_ = i18n.gettext


@st.cache_data(ttl=10, show_spinner=False)
def _components(_actor: Actor, asked_by: tuple[int | None, str]) -> Components:  # noqa: ARG001  the cache's key
    """Asked of the systems every ten seconds at most; `asked_by` tells answers apart."""
    return monitoring.read_components(process.context(), _actor)


@dataclass(frozen=True, slots=True)
class Now:
    """What is known at this moment, and the answer that it adds up to."""

    queue: Queue
    components: Components
    verdicts: Verdicts
    evidence: Evidence
    unsettled: int
    parked: int
    incidents: tuple[Incident, ...]
    answer: Answer


def read(visit: shell.Visit, scope: Scope) -> Now:
    """The figures of the chosen course, or of all that the visitor may see; rates within the window."""
    ctx, actor, course_id = visit.ctx, visit.actor, scope.course_id
    queue = monitoring.read_queue(ctx, actor, Scope(course_id=course_id))
    components = _components(actor, (actor.user_id, str(ctx.db.url)))
    verdicts = monitoring.count_verdicts(ctx, actor, scope)
    failures = monitoring.group_failures(ctx, actor, scope)
    incidents = tuple(alerts.list_open(visit, course_id))
    evidence = monitoring.gather_evidence(ctx, actor, scope, verdicts, failures)
    answer = monitoring.answer_for(
        queue,
        components,
        verdicts,
        evidence,
        missing_files=inventory.count_missing_files(ctx, actor, course_id=course_id),
        open_incidents=len(incidents),
    )
    unsettled = sum(group.open for group in failures.groups)
    parked = reports.count_parked(ctx, actor, course_id=course_id)
    return Now(queue, components, verdicts, evidence, unsettled, parked, incidents, answer)


def draw(visit: shell.Visit, scope: Scope) -> None:
    """The answer, the counts, each stage, and the systems."""
    figures = read(visit, scope)
    show = {Answer.WELL: st.success, Answer.STUDENTS: st.info}.get(figures.answer, st.warning)
    told = [verdict.sentence(figures.answer, figures.components)]
    told += verdict.evidence(figures.answer, figures.verdicts, figures.evidence)
    show(f"**{i18n.plain(told[0])}** {i18n.plain(' '.join(told[1:]))}".strip())
    if figures.answer in ABOUT_FAILURES and figures.evidence.example:
        st.caption(_("An example of the largest cause"))
        st.code(figures.evidence.example, language=None, wrap_lines=True)
    _counts(figures)
    lag = monitoring.measure_outbox_lag(visit.ctx, visit.actor, Scope(course_id=scope.course_id))
    if lag is not None:
        live.elapsed(_("The oldest message has waited for the broker"), lag, key="outbox-lag")
    left, right = st.columns(2)
    with left:
        _stages(figures.queue)
        _courses(visit)
    with right:
        _systems(visit, figures.components)


def counts(figures: Now) -> list[tuple[str, str]]:
    """What is counted, and how much it is."""
    verdicts = figures.verdicts
    rate = f"{100 * verdicts.failed / verdicts.ended:.0f} %" if verdicts.ended else "—"
    return [
        (_("Waiting"), i18n.number_text(figures.queue.waiting)),
        (_("Running"), i18n.number_text(figures.queue.running)),
        (_("Failure rate"), rate),
        (_("Open failures"), i18n.number_text(figures.unsettled)),
        (_("Not yet published"), i18n.number_text(figures.queue.outbox)),
        (_("Parked reports"), i18n.number_text(figures.parked)),
    ]


def _counts(figures: Now) -> None:
    samples = _("{failed} of {ended} that ended in this window").format(
        failed=i18n.number_text(figures.verdicts.failed), ended=i18n.number_text(figures.verdicts.ended)
    )
    with st.container(horizontal=True, key="now-counts"):
        for label, value in counts(figures):
            st.metric(label, value, help=samples if label == _("Failure rate") else None, border=True)
    queue = figures.queue
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


def _courses(visit: shell.Visit) -> None:
    rows = monitoring.count_by_course(visit.ctx, visit.actor)
    if {row.course_id for row in rows} <= {visit.course.id if visit.course else None}:
        return  # nothing beside what the figures above are about
    st.markdown(f"**{_('Per course')}**")
    shown = [
        {
            _("Course"): row.course_name,
            _("Waiting"): row.waiting,
            _("Running"): row.running,
            _("Oldest waiting"): i18n.duration_text(row.oldest_waiting_seconds),
        }
        for row in rows
    ]
    st.dataframe(pd.DataFrame(shown), hide_index=True, key="courses-now")


def states(components: Components) -> list[tuple[str, str | None]]:
    """What we depend on by name, each with what is wrong."""
    errors = components.errors
    return [
        (name, errors[key].sentence(i18n.language()) if key in errors else None)
        for key, name in systems.names().items()
        if key != "schema"  # with tables of another version, there is no screen
        and (key != "broker" or key in errors or process.context().settings.uses_rabbitmq)
    ]


def _systems(visit: shell.Visit, components: Components) -> None:
    st.markdown(f"**{_('Systems')}**")
    for name, error in states(components):
        st.markdown(f"✔ {name}" if error is None else f"✖ {name}: {i18n.plain(error)}")
    for component, last in health.read_last_errors(visit.ctx, visit.actor).items():
        if component not in components.errors:
            st.caption(systems.last_error_text(last, visit))
    if components.reports is not None:
        waiting = i18n.number_text(components.reports.messages)
        st.caption(_("Reports that wait to be applied: {count}").format(count=waiting))
    for stray in components.stray_bindings:
        st.caption(_("✖ unwanted binding in RabbitMQ, which copies tasks: {binding}").format(binding=stray))
    for state in components.queues:
        mark = "✖" if state.is_stalled else "·"
        st.caption(
            f"{mark} {i18n.plain(state.name)}: {_('messages')} {i18n.number_text(state.messages)}, "
            f"{_('consumers')} {i18n.number_text(state.consumers)}"
        )
