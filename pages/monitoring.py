"""For monitors: is it the queue, the nodes, the grader or the students' work, and what to do about it."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from core.services import topics
from core.services.monitoring import Scope
from dashboard import address, i18n, live, rerun, shell
from dashboard.monitoring import alerts, deeds, failures, history, now, records, saved, times, wall

_ = i18n.gettext
visit = shell.enter()
WINDOWS = {
    "1": timedelta(hours=1),
    "24": timedelta(hours=24),
    "168": timedelta(days=7),
    "720": timedelta(days=30),
    "8760": timedelta(days=365),
    "all": None,
}
USUAL_WINDOW = "720"


names = {
    "1": _("Last hour"),
    "24": _("24 hours"),
    "168": _("7 days"),
    "720": _("30 days"),
    "8760": _("A year"),
    "all": _("Everything"),
}


def scope_of(fresh: shell.Visit) -> Scope:
    """The chosen course and window."""
    window = WINDOWS[chosen_window()]
    since = fresh.ctx.now() - window if window else None
    return Scope(course_id=fresh.course.id if fresh.course else None, since=since)


def chosen_window() -> str:
    """By its short name; the wall has no field for it, only the address."""
    chosen = st.query_params.get("window") if wall.is_up() else st.session_state.get("window")
    return str(chosen) if chosen in WINDOWS else USUAL_WINDOW


followed = topics.of_course(visit.course.id) if visit.course else topics.MONITORING
if wall.is_up():
    live.show(
        lambda fresh: wall.draw(fresh, scope_of(fresh), names[chosen_window()]),
        topics=[followed, topics.MONITORING],
        key="now",
        quiet=True,
        gap_seconds=2.0,
    )
    st.stop()
st.title(_("Monitoring"))
with shell.errors(), st.container(horizontal=True, key="views"):
    saved.draw(visit)
    wall.enter_button(visit)
st.segmented_control(
    _("Window"),
    list(names),
    format_func=names.__getitem__,
    required=True,
    key="window",
    on_change=address.bound("window", names, USUAL_WINDOW),
)
live.show(alerts.banner, topics=[topics.MONITORING], key="alerts-now", quiet=True, gap_seconds=5.0)
live.show(
    lambda fresh: now.draw(fresh, scope_of(fresh)),
    topics=[followed],
    key="now",
    pausable=True,
    gap_seconds=2.0,
)
views = {
    "failures": _("Failures"),
    "requeues": _("Requeues"),
    "times": _("Times and throughput"),
    "reruns": _("Re-runs"),
    "stalled": _("Stalled submissions"),
    "parked": _("Parked reports"),
    "files": _("Missing files"),
    "alerts": _("Alerts"),
    "audit": _("Who did what"),
}
chosen_view = st.segmented_control(
    _("View"),
    list(views),
    format_func=views.__getitem__,
    required=True,
    key="view",
    on_change=address.bound("view", views, "failures"),
)
view = chosen_view or "failures"
st.subheader(views[view])
with shell.errors():
    draw = {
        "failures": failures.draw,
        "requeues": history.requeues,
        "times": times.draw,
        "reruns": lambda teaching, _scope: rerun.follow(teaching),
        "stalled": records.silent,
        "parked": records.parked,
        "files": records.missing_files,
        "alerts": alerts.draw,
        "audit": deeds.draw,
    }[view]
    draw(visit, scope_of(visit))
