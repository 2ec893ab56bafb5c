"""Alerts: what is wrong now, who looks after it, what is watched and whom notices go to."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.services import alerts, monitoring, topics
from core.services.alerts import Incident
from core.services.monitoring import Scope
from core.vocabulary import AlertKind, Role
from dashboard import i18n, live, shell
from dashboard.monitoring import alert_rules, alert_targets

_ = i18n.gettext
SHOWN_AT_TOP = 5
ABOUT_WORK = (AlertKind.WAITING, AlertKind.FAILURES, AlertKind.SILENCE, AlertKind.PARKED)
"""Kinds of incidents that are about submissions rather than about a system that all depend on."""


def banner(visit: shell.Visit) -> None:
    """What is wrong now, in words, above everything else; nothing when all is well."""
    course_id = visit.course.id if visit.course else None
    found = list_open(visit, course_id)
    waiting = sorted(found, key=lambda one: one.acknowledged_at is not None)
    for incident in waiting[:SHOWN_AT_TOP]:
        _announce(visit, incident)
    if len(waiting) > SHOWN_AT_TOP:
        more = i18n.number_text(len(waiting) - SHOWN_AT_TOP)
        st.caption(_("{count} more: see Alerts below.").format(count=more))


def list_open(visit: shell.Visit, course_id: int | None) -> list[Incident]:
    """Return what is wrong now and concerns the course, or anything where none is chosen; each once."""
    found = once(alerts.list_incidents(visit.ctx, visit.actor, course_id=course_id, is_open=True))
    if course_id is None or not _has_no_work(visit, course_id):
        return found
    return [one for one in found if one.course_id is not None or one.kind not in ABOUT_WORK]


def _has_no_work(visit: shell.Visit, course_id: int) -> bool:
    """Return whether nothing was ever handed in in the course: alarms about work concern other courses."""
    scope = Scope(course_id=course_id)
    if monitoring.count_verdicts(visit.ctx, visit.actor, scope).ended:
        return False
    queue = monitoring.read_queue(visit.ctx, visit.actor, scope)
    return not queue.waiting and not queue.running


def once(found: Sequence[Incident]) -> list[Incident]:
    """Return each incident once: what a course has is not said again of the whole installation."""
    of_courses = {(one.kind, one.subject) for one in found if one.course_id is not None}
    return [one for one in found if one.course_id is not None or (one.kind, one.subject) not in of_courses]


def draw(visit: shell.Visit, _scope: Scope) -> None:
    """Incidents that are open and over, the rules, and the targets of notices."""
    whole = visit.course is None
    if visit.person.is_admin and visit.course is not None:
        names = {
            "course": i18n.plain(visit.course.name),
            "whole": _("The whole installation"),
        }
        chosen = st.segmented_control(
            _("Alerts of"),
            list(names),
            format_func=names.__getitem__,
            default="course",
            key="alerts-of",
            required=True,
        )
        whole = chosen == "whole"
    course_id = None if whole or visit.course is None else visit.course.id
    if course_id is None and not visit.person.is_admin:
        st.info(_("Alerts are set up for each course. Choose a course."))
        return
    may_manage = visit.person.is_admin or visit.role is Role.PROFESSOR
    live.show(
        lambda fresh: _lists(fresh, course_id),
        topics=[topics.MONITORING],
        key="incidents",
        quiet=True,
        gap_seconds=5.0,
    )
    st.markdown(f"### {_('What is watched')}")
    alert_rules.draw(visit, course_id, may_manage=may_manage)
    st.markdown(f"### {_('Where notices go')}")
    live.show(
        lambda fresh: alert_targets.draw(fresh, course_id, may_manage=may_manage),
        topics=[topics.MONITORING],
        key="targets",
        quiet=True,
        gap_seconds=1.0,
    )


def _announce(visit: shell.Visit, incident: Incident) -> None:
    place = incident.course_name or _("The whole installation")
    since = i18n.datetime_text(incident.opened_at, visit.zone)
    said = incident.sentence(i18n.language())
    text = f"**{i18n.plain(place)}**: {i18n.plain(said)} {_('Since {moment}.').format(moment=since)}"
    if incident.calm_since is not None:
        text = f"{text} {_('It is getting better, and is over when it stays so.')}"
    if not _may_acknowledge(visit, incident):
        _box(visit, incident, text)
        return
    with st.container(key=f"incident-{incident.id}"):
        left, right = st.columns([5, 1], vertical_alignment="center")
        with left:
            _box(visit, incident, text)
        with right:
            _offer(visit, incident)


def _box(visit: shell.Visit, incident: Incident, text: str) -> None:
    if incident.acknowledged_at is None:
        st.warning(text)
    else:
        st.info(f"{text} {_acknowledged(visit, incident)}")


def _acknowledged(visit: shell.Visit, incident: Incident) -> str:
    words = _("{who} looks after it since {moment}.").format(
        who=i18n.plain(incident.acknowledged_by or "—"),
        moment=i18n.datetime_text(incident.acknowledged_at, visit.zone),
    )
    return f"{words} {i18n.plain(incident.note)}".strip()


def _may_acknowledge(visit: shell.Visit, incident: Incident) -> bool:
    teaches = {course.id for course in visit.courses if course.role in (Role.PROFESSOR, Role.MONITOR)}
    return visit.person.is_admin or incident.course_id in teaches


def _offer(visit: shell.Visit, incident: Incident) -> None:
    with st.popover(_("Acknowledge"), key=f"acknowledge-{incident.id}"):
        with st.form(f"acknowledge-form-{incident.id}", border=False):
            note = st.text_input(
                _("Note for the others (may be empty)"), value=incident.note, key=f"ack-note-{incident.id}"
            )
            pressed = st.form_submit_button(_("I look after it"), type="primary", key=f"ack-{incident.id}")
        if pressed:
            alerts.acknowledge(visit.ctx, visit.actor, incident.id, note=note)
            st.rerun(scope="fragment")


def _lists(visit: shell.Visit, course_id: int | None) -> None:
    found = alerts.list_incidents(visit.ctx, visit.actor, course_id=course_id)
    if course_id is None:
        found = [one for one in found if one.course_id is None]
    now = [one for one in found if one.closed_at is None]
    past = [one for one in found if one.closed_at is not None]
    if now:
        _table(visit, now, "open-incidents")
    else:
        st.success(_("Nothing is wrong at the moment."))
    with st.expander(_("What is over") + f" ({i18n.number_text(len(past))})", key="past-incidents"):
        if past:
            _table(visit, past, "closed-incidents")
        else:
            st.caption(_("Nothing so far."))


def _table(visit: shell.Visit, incidents: list[Incident], key: str) -> None:
    rows = [
        {
            _("What"): alerts.title(one.kind, i18n.language()),
            _("In words"): one.sentence(i18n.language()),
            _("Course"): one.course_name or _("The whole installation"),
            _("From"): i18n.datetime_text(one.opened_at, visit.zone),
            _("Until"): i18n.datetime_text(one.closed_at, visit.zone),
            _("Looked after by"): one.acknowledged_by or "—",
            _("Note"): one.note,
        }
        for one in incidents
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key=key)
