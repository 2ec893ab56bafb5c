"""The gate of every page: who is there is asked once for a whole page, and again for the next."""

from __future__ import annotations

import pytest

from core.context import Context
from core.services.accounts import Person
from dashboard import shell
from tests import builders
from tests.page_visits import visitor


def test_a_whole_page_asks_once_who_is_there(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visitor(ctx, monkeypatch)(builders.world(ctx).monitor, "monitoring")
    find, asked = shell.find_visitor, []

    def counted() -> Person | None:
        asked.append(1)
        return find()

    monkeypatch.setattr(shell, "find_visitor", counted)
    page.run()

    assert len(asked) == 1
    assert [title.value for title in page.title] == ["Monitoring"]


def test_who_is_gone_is_not_served_by_what_was_known_of_them(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visitor(ctx, monkeypatch)(builders.world(ctx).monitor, "monitoring")

    monkeypatch.setattr(shell, "find_visitor", lambda: None)
    page.run()

    assert page.text_input[0].label == "E-mail"
    assert "Monitoring" not in [title.value for title in page.title]
