"""Pages as somebody, without a browser, for the fixtures of the tests of pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.context import Actor, Context
from core.services import accounts
from dashboard import i18n, process, shell

ROOT = Path(__file__).resolve().parents[1]

Visit = Callable[[Actor, str], AppTest]


def visitor(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Opens a page, in English. Cookies do not exist in this harness, so the visitor is handed in."""

    def visit_page(actor: Actor, path: str) -> AppTest:
        person = replace(accounts.get_person(ctx, actor), language="en")
        monkeypatch.setattr(i18n, "language", lambda: "en")  # options are formatted outside of the run
        monkeypatch.setattr(process, "context", lambda: ctx)
        monkeypatch.setattr(shell, "find_visitor", lambda: person)
        app = AppTest.from_file(ROOT / "dashboard" / "app.py", default_timeout=100)
        app.run()
        app.switch_page(f"../pages/{path}.py")
        return app.run()

    return visit_page


def errors_shown(app: AppTest) -> list[str]:
    """Return the errors on the page as people read them, without the escapes of Markdown."""
    return [re.sub(r"\\([^\w\s])", r"\1", error.value) for error in app.error]
