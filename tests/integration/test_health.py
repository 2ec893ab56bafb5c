"""What was last wrong with a system is known when it is well again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from core.context import Context
from core.embedded.ftp import EmbeddedFtp
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.state import _free_port
from core.errors import NotAllowed
from core.services.health import LastError, find_errors, keep_errors, read_last_errors
from core.storage import FtpAddress, Storage
from core.wake import Waker
from core.watching import run_watch
from dashboard import i18n
from tests import builders
from tests.outages import shut
from tests.page_visits import Visit, visitor
from tests.waiting import eventually


@pytest.fixture
def world(ctx: Context) -> builders.World:
    return builders.world(ctx)


@pytest.fixture
def without_files(ctx: Context, ftp: EmbeddedFtp) -> Context:
    """As `ctx`, where nobody answers at the address of the file server."""
    nobody = FtpAddress.from_url(ftp.url.replace(ftp.url.rsplit(":", 1)[1].split("/")[0], str(_free_port(0))))
    return replace(ctx, storage=Storage(nobody))


@contextmanager
def watching(ctx: Context) -> Iterator[None]:
    waker = Waker(ctx.db)
    thread = threading.Thread(target=run_watch, args=(ctx, waker, 0.05))
    thread.start()
    try:
        yield
    finally:
        waker.stop()
        thread.join(60)


def test_the_last_error_of_a_system_stays_when_it_is_over(
    ctx: Context, world: builders.World, without_files: Context
) -> None:
    assert read_last_errors(ctx, world.monitor) == {}

    with watching(without_files):
        eventually(lambda: read_last_errors(ctx, world.monitor))

    [error] = read_last_errors(ctx, world.monitor).values()
    assert (error.component, error.at) == ("files", ctx.now())
    assert error.texts["es"].startswith("El servidor de archivos no responde.")
    assert error.texts["en"].startswith("The file server does not answer.")
    assert find_errors(ctx) == []


def test_what_was_wrong_with_postgres_is_recorded_once_it_is_back(
    ctx: Context, world: builders.World, postgres: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    with watching(ctx):
        with shut(ctx, postgres):
            eventually(lambda: "errors are recorded later" in caplog.text)
        eventually(lambda: read_last_errors(ctx, world.monitor))

    assert list(read_last_errors(ctx, world.monitor)) == ["database"]


def test_an_error_that_is_recorded_late_does_not_replace_a_later_one(
    ctx: Context, world: builders.World
) -> None:
    late = LastError("files", {"es": "tarde", "en": "late"}, ctx.now())
    keep_errors(ctx, [late])

    keep_errors(ctx, [LastError("files", {"es": "antes", "en": "before"}, ctx.now() - timedelta(minutes=1))])

    assert read_last_errors(ctx, world.monitor) == {"files": late}


def test_students_do_not_read_the_errors_of_systems(ctx: Context, world: builders.World) -> None:
    with pytest.raises(NotAllowed):
        read_last_errors(ctx, world.student)


@pytest.mark.parametrize("path", ["monitoring", "admin"])
def test_the_screens_say_when_a_system_was_in_trouble_last(
    ctx: Context, world: builders.World, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    keep_errors(ctx, [LastError("files", {"es": "", "en": "It was full."}, ctx.now())])
    visit: Visit = visitor(ctx, monkeypatch)
    reader = builders.person(ctx, "admin", is_admin=True) if path == "admin" else world.monitor

    page = visit(reader, path)
    if path == "admin":
        page.session_state["section"] = "components"
        page.run()

    captions = [caption.value.replace("\\", "") for caption in page.caption]
    at = i18n.datetime_text(ctx.now(), ZoneInfo("America/Bogota"))
    assert f"File server: last trouble {at} (Bogota). It was full." in captions
