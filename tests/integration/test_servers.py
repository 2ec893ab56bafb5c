"""Both real servers: headers on every answer, and what one connection may cost."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect as open_socket
from websockets.typing import Subprotocol

from core.config import Settings
from core.embedded.postgres import EmbeddedPostgres
from dashboard.registry import LINK_SCREEN, SCREENS
from tests.http_servers import API, DASHBOARD, Server, ask, read_answer, serving
from web.headers import FIXED
from web.protocol import DEFAULT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[API, DASHBOARD], ids=["api", "dashboard"])
def server(
    request: pytest.FixtureRequest, module_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    with serving(request.param, module_settings, log, ULOS_HSTS_SECONDS="600") as running:
        yield running


@pytest.fixture(scope="module")
def module_settings(
    postgres: EmbeddedPostgres, ftp: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    name = "test_servers"
    postgres.create_database(name, template="ulos")
    yield Settings(
        database_url=postgres.url(name),
        ftp_url=f"{ftp.url}/{name}",  # type: ignore[attr-defined]  # EmbeddedFtp
        secret_key="secret",
        callback_token="token",
        data_dir=tmp_path_factory.mktemp("var"),
        _env_file=None,
    )
    postgres.drop_database(name)


def request(first: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join([f"{first} HTTP/1.1", "Host: here", "Connection: close", *headers, "", body]).encode()


PATHS = [
    "/",
    *(f"/{screen.path}" for screen in SCREENS),
    f"/{LINK_SCREEN}",
    f"/{LINK_SCREEN}?token=x",
    "/docs",
    "/docs/swagger-ui.css",
    "/openapi.json",
    "/metrics",
    "/healthz",
    "/readyz",
    "/nowhere",
    "/nowhere/below",
    "/monitoring/",
    "/courses/",
    "/%00",
    "/..%2f..%2fetc/passwd",
    "/\\\\host\\share",
    "//elsewhere.example/",
    "/favicon.png",
    "/index.html",
    "/static/nowhere.js",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/_stcore/agent/openapi.json",
    "/files/original/1/1",
    "/files/nothing/1/1",
    "/exports/students.csv",
    "/tasks/1",
]

OTHERS = [
    request("POST /", "Content-Length: 0"),
    request("DELETE /healthz"),
    request("OPTIONS /courses", "Origin: http://localhost:3000", "Access-Control-Request-Method: GET"),
    request("POST /session/start", "Content-Length: 0"),
    request("POST /session/start", "Origin: http://here", "Content-Length: 5", body="a=b&c"),
    request("POST /session/end", "Origin: http://here", "Content-Length: 0"),
    request("POST /uploads/1", "Content-Length: 0"),
    request("POST /tasks/1/logs", "Content-Length: 99999999"),
    b"nonsense\r\n\r\n",
    request("GET /", "X: " + "x" * DEFAULT.head_bytes),
    request("GET /live", "Upgrade: websocket"),
]


@pytest.mark.parametrize("sent", [*(request(f"GET {path}") for path in PATHS), *OTHERS])
def test_every_answer_has_the_security_headers(server: Server, sent: bytes) -> None:
    status, headers = ask(server, sent)

    assert status
    assert {name.lower() for name in FIXED} - set(headers) == set()
    assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] in {"same-origin", "no-referrer"}
    if status not in {400, 431}:  # answered before anything of ours runs
        assert headers["strict-transport-security"] == "max-age=600"
        assert headers["x-request-id"]


@pytest.mark.parametrize("path", ["/nowhere", "/index.html", "/_stcore/metrics", "/_stcore/agent/interact"])
def test_an_unknown_path_is_not_there(server: Server, path: str) -> None:
    assert ask(server, request(f"GET {path}"))[0] == 404
    assert ask(server, request(f"POST {path}", "Content-Length: 0"))[0] == 404


ENDLESS = {
    "header": (b"GET /healthz HTTP/1.1\r\nHost: here\r\nX: ", b"x" * 8192),
    "headers": (b"GET /healthz HTTP/1.1\r\nHost: here\r\n", b"X-Name: value\r\n" * 500),
    "address": (b"GET /", b"x" * 8192),
    "method": (b"", b"G" * 8192),
    "blank lines": (b"", b"\r\n" * 4096),
    "chunk extension": (
        b"POST /session/end HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",
        b"x" * 8192,
    ),
    "trailer": (
        b"POST /session/end HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        b"x" * 8192,
    ),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_endless_head_is_cut_off_before_it_takes_memory(server: Server, kind: str) -> None:
    start, piece = ENDLESS[kind]
    ask(server, request("GET /healthz"))
    before, sent, began = server.resident_bytes(), 0, time.monotonic()

    with server.connect() as line, suppress(ConnectionError):
        line.sendall(start)
        while sent < 100_000_000:
            line.sendall(piece)
            sent += len(piece)

    assert sent < 10_000_000  # what fits into buffers of the system on the way
    assert server.resident_bytes() - before < 5_000_000
    assert time.monotonic() - began < 5
    assert ask(server, request("GET /healthz"))[0] == 200


@pytest.mark.parametrize("path", ["/session/start", "/auth/login"])
def test_an_endless_body_is_cut_off_before_it_takes_memory(server: Server, path: str) -> None:
    ask(server, request("GET /healthz"))
    before, sent = server.resident_bytes(), 0

    with server.connect() as line:
        line.sendall(
            f"POST {path} HTTP/1.1\r\nHost: here\r\nOrigin: http://here\r\nTransfer-Encoding: chunked\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode()
        )
        with suppress(ConnectionError):
            while not select.select([line], [], [], 0)[0] and sent < 100_000_000:
                line.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
                sent += 0x2000
        status, _ = read_answer(line)

    assert status in {404, 413}
    assert sent < 30_000_000
    assert server.resident_bytes() - before < 8_000_000


def test_a_head_that_is_too_large_is_told_so(server: Server) -> None:
    status, headers = ask(server, request("GET /healthz", "X: " + "x" * DEFAULT.head_bytes))

    assert (status, headers["connection"]) == (431, "close")
    assert ask(server, request("GET /healthz", "X: " + "x" * (DEFAULT.head_bytes - 200)))[0] == 200


def test_a_head_that_trickles_in_is_given_up(server: Server) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: here\r\n"
    began = time.monotonic()
    silent, blank, slow = (server.connect() for _ in range(3))
    blank.sendall(b"\r\n")
    slow.sendall(head)

    with suppress(ConnectionError):
        while not select.select([slow], [], [], 0.5)[0] and time.monotonic() - began < 30:
            slow.sendall(b"X: y\r\n")
    took = time.monotonic() - began
    status, _ = read_answer(slow)

    assert DEFAULT.head_seconds - 1 < took < DEFAULT.head_seconds + 5
    assert status in {408, 0}  # 0: what was still being sent has reset the line
    assert (read_answer(silent)[0], read_answer(blank)[0]) == (0, 0)
    for line in (silent, blank, slow):
        line.close()


def test_many_lines_that_trickle_keep_nobody_waiting(server: Server) -> None:
    lines = [server.connect() for _ in range(200)]
    for line in lines:
        line.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
    began = time.monotonic()

    status, _ = ask(server, request("GET /healthz"))

    assert (status, time.monotonic() - began < 2) == (200, True)
    for line in lines:
        line.close()


@pytest.fixture(scope="module")
def dashboard(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("dashboard") / "server.log"
    with serving(DASHBOARD, module_settings, log, ULOS_PUBLIC_URL="https://ulos.example") as running:
        yield running


@pytest.mark.parametrize("path", ["/_stcore/stream", "/live"])
@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", None])
def test_a_socket_is_refused_to_other_sites(dashboard: Server, path: str, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}

    with (
        pytest.raises(InvalidStatus) as refused,
        open_socket(f"ws://127.0.0.1:{dashboard.port}{path}", additional_headers=headers, proxy=None),
    ):
        pass

    assert refused.value.response.status_code == 403
    assert {name.lower() for name in FIXED} - {
        name.lower() for name in refused.value.response.headers
    } == set()


@pytest.mark.parametrize("origin", ["same", "https://ulos.example", "https://ULOS.example:443"])
def test_a_message_over_a_socket_is_bounded(dashboard: Server, origin: str) -> None:
    address = f"ws://127.0.0.1:{dashboard.port}/_stcore/stream"
    origin = dashboard.origin if origin == "same" else origin

    with open_socket(
        address,
        additional_headers={"Origin": origin},
        subprotocols=[Subprotocol("streamlit")],
        proxy=None,
        compression="deflate",
    ) as line:
        with suppress(ConnectionError):
            line.send(bytes(50_000_000))
        with suppress(ConnectionClosedError):
            while True:
                line.recv(20)

    assert line.close_code == 1009


def test_addresses_are_not_logged(dashboard: Server) -> None:
    ask(dashboard, request(f"GET /{LINK_SCREEN}?token=a-secret-of-the-link"))
    ask(dashboard, request("GET /nowhere?token=a-secret-of-the-link"))

    assert "a-secret" not in dashboard.log.read_text()


def test_log_lines_have_time_level_and_name(server: Server) -> None:
    lines = server.log.read_text().splitlines()

    started = next(line for line in lines if "Uvicorn running on" in line)
    assert started[:4].isdecimal()
    assert " INFO uvicorn.error: " in started


def test_a_dropped_socket_is_no_error(server: Server) -> None:
    with server.connect() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
        line.sendall(request("GET /"))
    time.sleep(0.3)

    assert "Traceback" not in server.log.read_text()
    with server.connect() as line:
        line.sendall(request("GET /healthz"))
        assert read_answer(line)[0] == 200
