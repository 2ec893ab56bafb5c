"""What pages call: `show` draws a part again whenever its topics change, pushed and not polled.

A small component keeps the socket and fires a trigger. It stands in the fragment that it has drawn
again, so that the trigger asks for that fragment alone. A second component, outside, is for what a new
process or an ended session does not draw by halves: it draws the whole page. That a click meanwhile
has its effect is the work of `dashboard.run_queue`, which knows both by the ends of their keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import i18n, process, shell
from dashboard.live.channel import Channel
from dashboard.live.hub import Stamp

_ = i18n.gettext
_HERE = Path(__file__).parent

CHANNEL = Channel(process.context)
"""The one of this process."""

_socket = st.components.v2.component(
    "ulos_live",
    html='<div class="bar" hidden><span role="status"></span><button type="button" hidden></button></div>\n',
    css=(_HERE / "live.css").read_text(encoding="utf-8"),
    js="".join((_HERE / name).read_text(encoding="utf-8") for name in ("press.js", "live.js")),
)
_clock = st.components.v2.component(
    "ulos_clock",
    html='<span class="clock"></span>\n',
    css=(_HERE / "clock.css").read_text(encoding="utf-8"),
    js=(_HERE / "clock.js").read_text(encoding="utf-8"),
)


def show(
    draw: Callable[[shell.Visit], None],
    *,
    topics: Sequence[str],
    key: str = "live",
    pausable: bool = False,
    gap_seconds: float = 0.5,
    quiet: bool = False,
) -> None:
    """Draw now, and again whenever one of `topics` (see `core.services.topics`) changes.

    `key` tells the live parts of a page apart. With `pausable` the reader can hold it still; with
    `quiet` nothing is drawn that says that it is live. `gap_seconds` is the shortest time between two
    drawings. A fragment's own run does not pass the sign-in gate, so each one looks the visitor up
    again.
    """

    @st.fragment(key=key)
    def fragment() -> None:
        seen = CHANNEL.stamp()
        visit = shell.enter()
        labels = None if quiet else _labels()
        wanted = {"topics": list(topics), "pausable": pausable, "gap": gap_seconds, "labels": labels}
        _follow(key, seen, visit.person.id, wanted)
        with shell.errors():
            draw(visit)

    fragment()


def end_with_session(person_id: int) -> None:
    """Let an open page go as soon as its session ends, wherever it was ended; draws nothing.

    Call it once on every page: what a live part cannot mend by itself is asked for here.
    """
    with st.container(gap=None):
        _socket(key="whole", data={"whole": True}, on_needed_change=_nothing)
        wanted = {"topics": [], "pausable": False, "gap": 0.0, "labels": None}
        _follow("session", CHANNEL.stamp(), person_id, wanted)


def elapsed(label: str, seconds: float, *, key: str) -> None:
    """A caption “label 12 s” that counts on by itself, in the browser."""
    _clock(key=key, data={"label": label, "seconds": seconds, "language": i18n.language()})


def _follow(key: str, seen: Stamp, person_id: int, wanted: dict[str, Any]) -> None:
    """Mount the component that fires when what is `wanted` has changed since `seen`."""
    data = {"key": key, "seen": asdict(seen), "person": person_id, **wanted}
    _socket(key=f"{key}-socket", data=data, on_changed_change=_nothing)


def _nothing() -> None:
    """A trigger exists only with a callback; its effect is the drawing that it asks for."""


def _labels() -> dict[str, str]:
    return {
        "live": _("Live"),
        "paused": _("Paused"),
        "news": _("Paused; there is news"),
        "lost": _("Connection lost; trying again"),
        "pause": _("Pause"),
        "resume": _("Go on"),
    }
