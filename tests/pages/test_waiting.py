"""Whoever waits reads what is in the way, in their language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest

from core.broker import open_consumer
from core.context import Context
from core.services import accounts
from dashboard import process, shell
from tests import builders
from tests.amqp import declare

Told = Callable[[Context, builders.World, int, str], str]


def _script(task_id: int, language: str) -> None:
    import streamlit as st  # noqa: PLC0415  the harness runs this body alone

    from dashboard import shell, task_view  # noqa: PLC0415

    st.session_state["language"] = language
    task_view.show(shell.enter(), task_id)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the view of a submission says in its blue banner. The harness has no cookies."""

    def told(ctx: Context, world: builders.World, task_id: int, language: str) -> str:
        person = accounts.get_person(ctx, world.student)
        monkeypatch.setattr(process, "context", lambda: ctx)
        monkeypatch.setattr(shell, "find_visitor", lambda: person)
        app = AppTest.from_function(_script, args=(task_id, language), default_timeout=100).run()
        assert list(app.exception) == []
        return " ".join(info.value for info in app.info)

    return told


def with_settings(ctx: Context, **values: Any) -> Context:
    return replace(ctx, settings=ctx.settings.model_copy(update=values))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Waiting: no queue is bound to processing-exchange/g-code-parsing."),
        ("es", "En espera: no hay ninguna cola enlazada a processing-exchange/g-code-parsing."),
    ],
)
def test_a_missing_queue_is_named(
    ctx: Context, amqp_url: str, told: Told, *, language: str, words: str
) -> None:
    ctx = with_settings(ctx, amqp_url=SecretStr(amqp_url))
    world = builders.world(ctx)
    declare(amqp_url)
    task = builders.submit(ctx, world).task_id
    builders.carry(ctx)

    assert words in told(ctx, world, task, language)


@pytest.mark.parametrize(
    ("language", "limit", "words"),
    [
        ("en", "max_under_way_per_student", "1 submissions of this student are under way"),
        ("es", "max_under_way_per_student", "1 entregas de este estudiante están en curso"),
        ("en", "max_under_way_per_assignment", "1 submissions of this assignment are under way"),
        ("es", "max_under_way_per_assignment", "1 entregas de esta asignación están en curso"),
    ],
)
def test_a_limit_is_explained(ctx: Context, told: Told, *, language: str, limit: str, words: str) -> None:
    ctx = with_settings(ctx, **{limit: 1})
    world = builders.world(ctx)
    first = builders.submit(ctx, world, key="first").task_id
    builders.carry(ctx)
    second = builders.submit(ctx, world, key="second").task_id
    builders.carry(ctx)

    with open_consumer(ctx.settings, "one"):
        assert words in told(ctx, world, second, language)
        assert told(ctx, world, first, language) == ""


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Nothing is processing submissions right now. Yours is saved and stays in the queue."),
        ("es", "Nadie está procesando entregas en este momento. La tuya está guardada y sigue en la cola."),
    ],
)
def test_a_student_reads_that_nothing_takes_submissions_from_the_queue(
    ctx: Context, told: Told, language: str, words: str
) -> None:
    world = builders.world(ctx)
    task_id = builders.submit(ctx, world).task_id
    builders.carry(ctx)
    alone = told(ctx, world, task_id, language)
    with open_consumer(ctx.settings, "one"):
        taken = told(ctx, world, task_id, language)

    assert words in alone
    assert taken == ""
