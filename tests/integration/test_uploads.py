"""Submissions that the browser sends as the body of a request."""

from __future__ import annotations

import resource
import select
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.context import Actor, Context
from core.embedded.state import _free_port
from core.services import accounts, submissions
from dashboard import uploads
from dashboard.uploads.kept import KEPT, MOST
from tests import builders
from tests.builders import World, archive, world
from web import upload_slots
from web.upload_slots import MOST as MOST_AT_ONCE

KEY = "0123456789abcdef-1"


@pytest.fixture
def here(ctx: Context) -> World:
    return world(ctx)


@pytest.fixture
def client(ctx: Context) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=uploads.routes(lambda: ctx))) as client:
        yield client


def session_of(ctx: Context, actor: Actor) -> str:
    ticket = accounts.open_ticket(ctx, actor.user_id or 0, nonce="n" * 20)
    return accounts.redeem_ticket(ctx, ticket=ticket, nonce="n" * 20, user_agent="test")


@pytest.fixture
def token(ctx: Context, here: World) -> str:
    return session_of(ctx, here.student)


@pytest.fixture
def professors(ctx: Context, here: World) -> str:
    return session_of(ctx, here.professor)


def send(
    client: TestClient, here: World, token: str, content: Any, **headers: str
) -> tuple[int, dict[str, Any]]:
    usual = {
        "origin": "http://testserver",
        "cookie": f"ulos_session={token}",
        "x-submit-key": KEY,
        "x-file-name": "mi%20cubo%20%C3%B1.zip",
    }
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.post(f"/uploads/{here.assignment_id}", content=content, headers=usual | names)
    return answer.status_code, answer.json() if "json" in answer.headers["content-type"] else {}


def tasks(ctx: Context, here: World) -> list[submissions.TaskSummary]:
    return submissions.list_my_tasks(ctx, here.student)


def test_an_archive_becomes_a_task_with_its_receipt(
    ctx: Context, client: TestClient, here: World, token: str
) -> None:
    content = archive().getvalue()

    status, receipt = send(client, here, token, content)

    assert status == 201
    task = submissions.get_task(ctx, here.student, int(receipt["task_id"]))
    assert (receipt["reference"], receipt["sha256"]) == (task.summary.reference, task.sha256)
    assert task.summary.file_name == "mi cubo ñ.zip"
    stored = submissions.open_original(ctx, here.student, task.summary.id)
    assert b"".join(stored.pieces) == content


def test_the_same_key_makes_one_task(ctx: Context, client: TestClient, here: World, token: str) -> None:
    content = archive().getvalue()

    answers = [send(client, here, token, content) for _ in range(3)]
    other = send(client, here, token, content, x_submit_key=KEY + "2")

    assert len({receipt["task_id"] for _, receipt in answers}) == 1
    assert other[1]["task_id"] != answers[0][1]["task_id"]
    assert len(tasks(ctx, here)) == 2


@pytest.mark.parametrize("origin", ["http://elsewhere.example", ""])
def test_another_site_cannot_submit_in_somebodys_name(
    ctx: Context, client: TestClient, here: World, token: str, origin: str
) -> None:
    status, _ = send(client, here, token, archive().getvalue(), origin=origin)

    assert status == 403
    assert tasks(ctx, here) == []


def test_without_a_session_nothing_is_accepted(ctx: Context, client: TestClient, here: World) -> None:
    status, problem = send(client, here, "made-up", archive().getvalue())

    assert status == 401
    assert "No has iniciado sesión" in problem["detail"]
    assert tasks(ctx, here) == []


def test_the_problem_is_told_in_the_language_of_the_reader(
    ctx: Context, client: TestClient, here: World, token: str
) -> None:
    accounts.set_language(ctx, here.student, "en")

    status, problem = send(client, here, token, b"this is a text file")

    assert (status, problem["title"]) == (415, "NotAZip")
    assert "not a zip archive" in problem["detail"]
    assert tasks(ctx, here) == []


@pytest.fixture
def small(ctx: Context) -> Context:
    return replace(ctx, settings=ctx.settings.model_copy(update={"max_upload_mb": 1}))


def test_what_says_that_it_is_too_large_is_not_read(small: Context, here: World, token: str) -> None:
    with TestClient(Starlette(routes=uploads.routes(lambda: small))) as client:
        status, problem = send(client, here, token, bytes(1_000_001))

    assert (status, problem["title"]) == (413, "TooLarge")
    assert tasks(small, here) == []


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(
    small: Context, here: World, token: str, unused_port: int
) -> None:
    with served(small, unused_port), socket.create_connection(("127.0.0.1", unused_port)) as line:
        line.sendall(head(here, token, unused_port, "Transfer-Encoding: chunked"))
        sent = 0
        with suppress(ConnectionError):
            while sent < 50_000_000 and not select.select([line], [], [], 0)[0]:
                line.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
                sent += 0x10000
        answer = line.recv(100)

    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 20_000_000
    assert tasks(small, here) == []


def test_a_line_that_breaks_leaves_nothing_behind(
    ctx: Context, here: World, token: str, unused_port: int, spool: Path
) -> None:
    content = archive().getvalue()

    with served(ctx, unused_port):
        with socket.create_connection(("127.0.0.1", unused_port)) as line:
            line.sendall(head(here, token, unused_port, f"Content-Length: {len(content)}") + content[:-5])
        with socket.create_connection(("127.0.0.1", unused_port)) as line:  # the same, whole, afterwards
            line.sendall(head(here, token, unused_port, f"Content-Length: {len(content)}") + content)
            answer = line.recv(100)

    assert answer.startswith(b"HTTP/1.1 201")
    assert len(tasks(ctx, here)) == 1
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize(("room", "size"), [(100, 200), (100_000, 200_000), (100_000, 3_000_000)])
def test_a_full_disk_is_told_in_words(  # noqa: PLR0917  fixtures
    ctx: Context, client: TestClient, here: World, token: str, room: int, size: int
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        status, problem = send(client, here, token, bytes(size))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert (status, problem["title"]) == (503, "NoSpace")
    assert tasks(ctx, here) == []


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that uploads pass through."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def unused_port() -> int:
    return _free_port(0)


@contextmanager
def served(ctx: Context, port: int) -> Iterator[None]:
    """The route behind a real server: bodies come in pieces, and lines break."""
    app = Starlette(routes=uploads.routes(lambda: ctx))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield
    server.should_exit = True
    thread.join()


def head(here: World, token: str, port: int, length: str) -> bytes:
    return (
        f"POST /uploads/{here.assignment_id} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Origin: http://127.0.0.1:{port}\r\nCookie: ulos_session={token}\r\n"
        f"X-Submit-Key: {KEY}\r\nX-File-Name: cubo.zip\r\n{length}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("key", ["", "short", "x" * 200, "with space in the key"])
def test_a_key_is_asked_for(ctx: Context, client: TestClient, here: World, token: str, key: str) -> None:
    status, _ = send(client, here, token, archive().getvalue(), x_submit_key=key)

    assert status == 422
    assert tasks(ctx, here) == []


def keep(client: TestClient, token: str, content: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    usual = {
        "origin": "http://testserver",
        "cookie": f"ulos_session={token}",
        "x-file-name": "lista%20%C3%B1.csv",
    }
    answer = client.post("/uploads/kept", content=content, headers=usual | headers)
    return answer.status_code, answer.json() if "json" in answer.headers["content-type"] else {}


def test_a_file_for_a_page_is_taken_once_and_by_nobody_else(
    client: TestClient, here: World, professors: str
) -> None:
    status, answer = keep(client, professors, b"correo\n")

    assert (status, answer["file_name"]) == (201, "lista ñ.csv")
    assert KEPT.take(here.monitor.user_id or 0, answer["token"]) is None
    kept = KEPT.take(here.professor.user_id or 0, answer["token"])
    assert kept is not None
    assert (kept.name, kept.size, kept.file.read()) == ("lista ñ.csv", 7, b"correo\n")
    assert KEPT.take(here.professor.user_id or 0, answer["token"]) is None


def test_who_keeps_sending_files_for_pages_fills_no_disk(
    client: TestClient, here: World, professors: str
) -> None:
    answers = [keep(client, professors, b"x")[1]["token"] for _ in range(MOST + 1)]

    kept = [KEPT.take(here.professor.user_id or 0, answer) is not None for answer in answers]
    assert kept == [False] + [True] * MOST


def test_a_file_for_a_page_has_the_same_gate(client: TestClient, here: World, professors: str) -> None:
    assert keep(client, professors, b"x", origin="http://elsewhere.example")[0] == 403
    assert keep(client, "made-up", b"x")[0] == 401


def test_no_page_asks_a_student_for_a_file_so_none_is_kept(client: TestClient, token: str) -> None:
    status, answer = keep(client, token, b"x")

    assert (status, "token" in answer) == (403, False)


def test_a_file_for_a_page_is_bounded(client: TestClient, ctx: Context, here: World, professors: str) -> None:
    limit = ctx.settings.max_upload_bytes
    status, _ = keep(client, professors, b"x", **{"content-length": str(limit + 1)})

    assert status == 413


def ask_to_send(port: int, path: str, cookie: str) -> socket.socket:
    """A line on which an upload of 100 MB is announced and nothing sent of it."""
    line = socket.create_connection(("127.0.0.1", port), 20)
    line.sendall(
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
        f"Cookie: ulos_session={cookie}\r\nX-Submit-Key: {KEY}\r\nX-File-Name: a.zip\r\n"
        "Content-Length: 100000000\r\n\r\n".encode()
    )
    return line


@pytest.mark.parametrize("path", ["/uploads/{0}", "/uploads/dry-run/{1}", "/uploads/kept"])
def test_an_upload_that_is_not_allowed_is_refused_before_it_is_sent(
    ctx: Context, here: World, unused_port: int, path: str
) -> None:
    outsider = session_of(ctx, here.stranger)
    address = path.format(here.assignment_id, here.definition_id)

    with served(ctx, unused_port), ask_to_send(unused_port, address, outsider) as line:
        answer = line.recv(100)

    assert answer[:12] in {b"HTTP/1.1 403", b"HTTP/1.1 404"}


def test_of_one_person_only_some_uploads_are_received_at_once(
    ctx: Context, here: World, token: str, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_slots, "WAIT_SECONDS", 1.0)
    content = archive().getvalue()
    another = session_of(ctx, builders.person(ctx, "another"))
    path = f"/uploads/{here.assignment_id}"
    with served(ctx, unused_port):
        lines = [ask_to_send(unused_port, path, token) for _ in range(MOST_AT_ONCE)]
        time.sleep(1)
        with ask_to_send(unused_port, path, token) as line:
            refused = line.recv(1000)
        with ask_to_send(unused_port, path, another) as line:
            others = line.recv(100)
        for line in lines:
            line.close()
        time.sleep(0.5)
        with socket.create_connection(("127.0.0.1", unused_port)) as line:
            line.sendall(head(here, token, unused_port, f"Content-Length: {len(content)}") + content)
            accepted = line.recv(100)

    assert refused.startswith(b"HTTP/1.1 429")
    assert b"retry-after: 5" in refused
    assert not others.startswith(b"HTTP/1.1 429")
    assert accepted.startswith(b"HTTP/1.1 201")
