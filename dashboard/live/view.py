"""What pages call: `show` draws a part again whenever its topics change, pushed and not polled.

A small component keeps the socket and fires a trigger; the callback runs the keyed fragment alone.
The component stands in a fragment of its own: a trigger from outside of one would cut a run of the
whole page short, and with it the click that caused it. A second one, outside, is for what a new
process or session does not know: it draws the whole page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from dashboard import i18n, process, shell
from dashboard.live.channel import Channel

_ = i18n.gettext
_HERE = Path(__file__).parent

CHANNEL = Channel(process.context)
"""The one of this process."""

_socket = st.components.v2.component(
    "ulos_live",
    html='<div class="bar" hidden><span role="status"></span><button type="button" hidden></button></div>\n',
    css=(_HERE / "live.css").read_text(encoding="utf-8"),
    js=(_HERE / "live.js").read_text(encoding="utf-8"),
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
        visit = shell.enter()
        with shell.errors():
            draw(visit)

    _follow(key, topics, fragment_key=key, pausable=pausable, gap_seconds=gap_seconds, quiet=quiet)
    fragment()


def end_with_session() -> None:
    """Let an open page go as soon as its session ends, wherever it was ended; draws nothing."""
    _follow("session", (), fragment_key=None, pausable=False, gap_seconds=0.0)


def elapsed(label: str, seconds: float, *, key: str) -> None:
    """A caption “label 12 s” that counts on by itself, in the browser."""
    _clock(key=key, data={"label": label, "seconds": seconds, "language": i18n.language()})


def _follow(
    key: str,
    topics: Sequence[str],
    *,
    fragment_key: str | None,
    pausable: bool,
    gap_seconds: float,
    quiet: bool = False,
) -> None:
    """Mount the component that fires when `topics` have changed since the fragment was drawn."""
    person = shell.find_visitor()
    seen_key, pulse_key = f"{key}-seen", f"{key}-pulse"

    def mark() -> None:
        st.session_state[seen_key] = asdict(CHANNEL.stamp())

    def redraw() -> None:
        mark()
        st.rerun([pulse_key] if fragment_key is None else [fragment_key, pulse_key])

    def leave() -> None:
        st.rerun()

    @st.fragment(key=pulse_key)
    def pulse() -> None:
        _socket(
            key=f"{key}-socket",
            data={
                "key": key,
                "topics": list(topics),
                "person": person.id if person else 0,
                "seen": st.session_state[seen_key],
                "pausable": pausable,
                "gap": gap_seconds,
                "labels": None if quiet or fragment_key is None else _labels(),
            },
            on_changed_change=redraw,
            on_ended_change=leave,
        )

    mark()
    with st.container(gap=None):
        _socket(key=f"{key}-whole", data={"whole": True}, on_needed_change=lambda: None)
        pulse()


def _labels() -> dict[str, str]:
    return {
        "live": _("Live"),
        "paused": _("Paused"),
        "news": _("Paused; there is news"),
        "lost": _("Connection lost; trying again"),
        "pause": _("Pause"),
        "resume": _("Go on"),
    }
