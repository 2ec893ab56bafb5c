"""Bodies that stand still, readers that take nothing, and uploads that were refused."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.http_servers import read_answer
from tests.ports import free_port
from web.protocol import LimitedProtocol, Limits

pytestmark = pytest.mark.slow


class Impatient(LimitedProtocol):
    limits = Limits(
        head_seconds=1.0,
        body_seconds=1.0,
        body_bytes_per_second=100_000,
        linger_seconds=1.0,
        write_seconds=1.0,
    )


gone = threading.Event()


async def read(request: Request) -> Response:
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
    except ClientDisconnect:
        gone.set()
        raise
    return PlainTextResponse(str(size))


async def think(request: Request) -> Response:
    """Ask for permission for longer than a line may stand still; the body waits outside meanwhile."""
    await asyncio.sleep(2.5)
    return await read(request)


async def refuse(_: Request) -> Response:
    return PlainTextResponse("no", 403)


async def pour(_: Request) -> Response:
    return StreamingResponse(bytes(100_000) for _ in range(1_000))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Starlette(
        routes=[Route(f"/{do.__name__}", do, methods=["GET", "POST"]) for do in (read, think, refuse, pour)]
    )
    number = free_port()
    config = uvicorn.Config(app, port=number, http=Impatient, log_level="warning", timeout_keep_alive=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield number
    server.should_exit = True
    thread.join()


def opened(port: int, path: str, length: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), 20)
    line.sendall(f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n\r\n".encode())
    return line


def test_a_body_that_stands_still_is_given_up_and_its_route_told(port: int) -> None:
    gone.clear()
    began = time.monotonic()

    with opened(port, "/read", 1_000_000) as line:
        line.sendall(bytes(1_000))
        status, _ = read_answer(line)

    assert (status, gone.wait(5)) == (408, True)
    assert 0.8 < time.monotonic() - began < 6


def test_a_slow_body_that_comes_on_is_waited_for(port: int) -> None:
    with opened(port, "/read", 600_000) as line:
        for _ in range(20):
            line.sendall(bytes(30_000))
            time.sleep(0.15)
        status, _ = read_answer(line)

    assert status == 200


def test_a_body_that_trickles_does_not_come_on(port: int) -> None:
    began = time.monotonic()

    with opened(port, "/read", 1_000_000) as line, suppress(ConnectionError):
        while not select.select([line], [], [], 0.1)[0] and time.monotonic() - began < 10:
            line.sendall(b"x")

    assert time.monotonic() - began < 6


def test_a_body_that_we_do_not_read_yet_is_not_the_senders_fault(port: int) -> None:
    with opened(port, "/think", 3_000_000) as line:
        line.sendall(bytes(3_000_000))
        status, _ = read_answer(line)

    assert status == 200


def test_a_refused_body_gets_its_answer_at_once_and_the_line_ends(port: int) -> None:
    began = time.monotonic()

    with opened(port, "/refuse", 500_000_000) as line:
        status, _ = read_answer(line)
        answered = time.monotonic() - began
        with suppress(ConnectionError):
            while time.monotonic() - began < 10:
                line.sendall(bytes(10_000))
                time.sleep(0.05)

    assert (status, answered < 1) == (403, True)
    assert time.monotonic() - began < 8


def test_a_reader_that_takes_nothing_is_dropped(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        line.sendall(b"GET /pour HTTP/1.1\r\nHost: here\r\n\r\n")
        time.sleep(4)
        received = 0
        with suppress(ConnectionError):
            while piece := line.recv(1_000_000):
                received += len(piece)

    assert received < 50_000_000


def test_an_idle_line_is_kept_a_while_and_closed(port: int) -> None:
    with opened(port, "/read", 2) as line:
        line.sendall(b"ab")
        assert read_answer(line)[0] == 200
        line.sendall(b"POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n")
        assert read_answer(line)[0] == 200
        began = time.monotonic()
        assert line.recv(100) in {b"", b"2", b"0"}
        while line.recv(100):
            pass

    assert time.monotonic() - began < 5
