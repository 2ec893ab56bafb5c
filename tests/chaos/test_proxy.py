from __future__ import annotations

import contextlib
import ftplib
import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests import ftp_servers
from tests.chaos.proxy import Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back whatever it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                while data := connection.recv(65_536):
                    connection.sendall(data)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def answered(port: int, content: bytes) -> bytes:
    """What comes back of `content` until the connection breaks."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), 5) as client, contextlib.suppress(OSError):
        client.sendall(content)
        client.shutdown(socket.SHUT_WR)
        while data := client.recv(65_536):
            received += data
    return received


def test_proxy_passes_everything_on(echo: int) -> None:
    content = os.urandom(300_000)
    with Proxy(echo) as proxy:
        assert answered(proxy.port, content) == content


def test_slow_proxy_takes_its_time(echo: int) -> None:
    with Proxy(echo) as proxy:
        proxy.slow(0.2)
        began = time.monotonic()
        assert answered(proxy.port, b"word") == b"word"
        assert time.monotonic() - began >= 0.4


def test_cut_connection_breaks_half_way(echo: int) -> None:
    content = os.urandom(300_000)
    with Proxy(echo) as proxy:
        proxy.cut(50_000)
        received = answered(proxy.port, content)
        assert len(received) <= 50_000
        assert content.startswith(received)
        proxy.heal()
        assert answered(proxy.port, content) == content


def test_lost_answer_follows_a_request_that_arrived(echo: int) -> None:
    with Proxy(echo) as proxy:
        proxy.lose_answers()
        assert answered(proxy.port, b"word") == b""
        proxy.heal()
        assert answered(proxy.port, b"word") == b"word"


def test_refusing_proxy_breaks_open_and_new_connections(echo: int) -> None:
    with Proxy(echo) as proxy, socket.create_connection(("127.0.0.1", proxy.port), 5) as client:
        client.sendall(b"before")
        assert client.recv(100) == b"before"
        proxy.refuse()
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(100) == b""
        assert answered(proxy.port, b"word") == b""
        proxy.heal()
        assert answered(proxy.port, b"word") == b"word"


@pytest.mark.parametrize("use_epsv", [True, False])
def test_ftp_transfers_go_through_the_proxy_as_well(use_epsv: bool) -> None:
    content = os.urandom(200_000)
    with ftp_servers.running("aioftp") as server:
        parts = urlsplit(server.url)
        with Proxy(parts.port or 0, is_ftp=True) as proxy, ftplib.FTP(timeout=5) as ftp:  # noqa: S321
            ftp.connect("127.0.0.1", proxy.port)
            ftp.login(parts.username or "", parts.password or "")
            if use_epsv:
                ftp.af = socket.AF_INET6  # the client asks with EPSV then, and connects to IPv4 all the same
            ftp.storbinary("STOR /files/whole", io.BytesIO(content))
            proxy.cut(50_000)
            with contextlib.suppress(OSError, EOFError, *ftplib.all_errors):
                ftp.storbinary("STOR /files/half", io.BytesIO(content))

        assert (server.folder / "whole").read_bytes() == content
        assert len((server.folder / "half").read_bytes()) <= 50_000
