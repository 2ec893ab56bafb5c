"""Parts of a page that follow what happens without a reload."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import shell

EVERY_SECONDS = 2.0


def show(draw: Callable[[shell.Visit], None]) -> None:
    """Draw now and again every two seconds, for as long as the session lasts.

    A fragment's own rerun does not pass the sign-in gate, so each one looks the visitor up again.
    """

    @st.fragment(run_every=EVERY_SECONDS)
    def fragment() -> None:
        visit = shell.enter()
        with shell.errors():
            draw(visit)

    fragment()
