"""The monitor's figures for a screen on the wall of the lab: large, no controls, nothing to scroll."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.services import alerts
from core.services.alerts import Incident
from core.services.monitoring import Answer, Scope
from dashboard import i18n, shell
from dashboard.monitoring import now, verdict

_ = i18n.gettext
_HERE = Path(__file__).parent
PARAMETER = "wall"
COURSE = "course"
ALERTS_SHOWN = 4
STAGES_SHOWN = 8

_wall = st.components.v2.component(
    "ulos_wall",
    html='<div class="wall"><button type="button"></button></div>\n',
    css=(_HERE / "wall.css").read_text(encoding="utf-8"),
    js=(_HERE / "wall.js").read_text(encoding="utf-8"),
)


def is_up() -> bool:
    """Whether the address asks for the wall."""
    return st.query_params.get(PARAMETER) == "1"


def enter_button(visit: shell.Visit) -> None:
    """What turns the page into the wall, with its course in the address: a screen may be started anew."""
    st.button(_("Wall screen"), key="wall-enter", on_click=_enter, args=(visit.course,))


def draw(visit: shell.Visit, scope: Scope, window: str) -> None:
    """The answer, the counts, open alerts, stages and systems."""
    figures = now.read(visit, scope)
    tone = {Answer.WELL: "well", Answer.STUDENTS: "news"}.get(figures.answer, "trouble")
    _wall(
        key="wall",
        data={
            "place": [visit.course.name if visit.course else _("The whole installation"), window],
            "sentence": verdict.sentence(figures.answer, figures.components),
            "tone": tone,
            "counts": [{"label": label, "value": value} for label, value in now.counts(figures)],
            "oldest": {
                "label": _("The oldest has waited"),
                "seconds": figures.queue.oldest_waiting_seconds,
            },
            "parts": [
                _alerts(figures.incidents),
                _stages(figures),
                _systems(figures),
            ],
            "leave": _("Leave the wall screen"),
            "language": i18n.language(),
        },
        on_left_change=_leave,
    )


def _enter(course: object) -> None:
    st.query_params[PARAMETER] = "1"
    number = getattr(course, "id", None)
    if number is not None:
        st.query_params[COURSE] = str(number)


def _leave() -> None:
    st.query_params.pop(PARAMETER, None)
    st.query_params.pop(COURSE, None)
    st.rerun()


def _alerts(incidents: tuple[Incident, ...]) -> dict[str, object]:
    language = i18n.language()
    lines = [
        _line(f"✖ {alerts.title(one.kind, language)}: {one.sentence(language)}", is_bad=True)
        if one.acknowledged_at is None
        else _line(f"◐ {one.sentence(language)} ({one.acknowledged_by})")
        for one in incidents[:ALERTS_SHOWN]
    ]
    if len(incidents) > ALERTS_SHOWN:
        more = i18n.number_text(len(incidents) - ALERTS_SHOWN)
        lines.append(_line(_("{count} more are not shown.").format(count=more)))
    return {"title": _("Open alerts"), "lines": lines or [_line("✔ " + _("None"))]}


def _stages(figures: now.Now) -> dict[str, object]:
    text = _("{stage}: {waiting} waiting, {running} running")
    lines = [
        _line(
            text.format(
                stage=stage.stage_name,
                waiting=i18n.number_text(stage.waiting),
                running=i18n.number_text(stage.running),
            )
        )
        for stage in figures.queue.stages[:STAGES_SHOWN]
    ]
    return {"title": _("Per stage"), "lines": lines or [_line(_("Nothing waits and nothing runs."))]}


def _systems(figures: now.Now) -> dict[str, object]:
    lines = [
        _line(f"✔ {name}" if error is None else f"✖ {name}: {error}", is_bad=error is not None)
        for name, error in now.states(figures.components)
    ]
    stalled = [state.name for state in figures.components.queues if state.is_stalled]
    lines += [
        _line("✖ " + _("nobody takes from {queue}").format(queue=name), is_bad=True) for name in stalled
    ]
    return {"title": _("Systems"), "lines": lines}


def _line(text: str, *, is_bad: bool = False) -> dict[str, object]:
    return {"text": text, "bad": is_bad}
