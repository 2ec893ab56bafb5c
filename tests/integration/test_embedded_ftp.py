"""Clients of the embedded FTP server that hang up or talk nonsense: they are no news for its log."""

from __future__ import annotations

import io
import socket
import struct
import time
from collections.abc import Callable
from ftplib import FTP
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.ftp_servers import FtpServer, embedded_server

pytestmark = pytest.mark.slow


def signed_in(server: FtpServer) -> FTP:
    url = urlsplit(server.url)
    client = FTP()  # noqa: S321  the protocol under test
    client.connect(url.hostname or "", url.port or 0, 20)
    client.login(url.username or "", url.password or "")
    client.cwd(url.path)
    return client


def reset(line: socket.socket | None) -> None:
    """End `line` as a process does that is killed with bytes unread."""
    assert line is not None
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def in_an_upload(client: FTP) -> None:
    data = client.transfercmd("STOR cut.bin")
    data.sendall(bytes(100_000))
    reset(data)
    time.sleep(0.2)
    reset(client.sock)


def in_a_download(client: FTP) -> None:
    data = client.transfercmd("RETR whole.bin")
    data.recv(1_000)
    reset(data)
    time.sleep(0.2)
    reset(client.sock)


def in_a_download_by_its_commands(client: FTP) -> None:
    data = client.transfercmd("RETR whole.bin")
    data.recv(1_000)
    reset(client.sock)
    time.sleep(0.2)
    reset(data)


def in_a_list(client: FTP) -> None:
    reset(client.transfercmd("LIST"))
    time.sleep(0.2)
    reset(client.sock)


def between_commands(client: FTP) -> None:
    reset(client.sock)


def in_a_command(client: FTP) -> None:
    assert client.sock is not None
    client.sock.sendall(b"LIST\r\n")
    reset(client.sock)


def with_broken_text(client: FTP) -> None:
    assert client.sock is not None
    client.sock.sendall(b"\xff\xfe\xfa\r\n")
    time.sleep(0.2)
    client.close()


def with_an_endless_line(client: FTP) -> None:
    assert client.sock is not None
    client.sock.sendall(bytes(200_000))
    time.sleep(0.2)
    client.close()


@pytest.mark.parametrize(
    "hang_up",
    [
        in_an_upload,
        in_a_download,
        in_a_download_by_its_commands,
        in_a_list,
        between_commands,
        in_a_command,
        with_broken_text,
        with_an_endless_line,
    ],
)
def test_a_client_that_hangs_up_leaves_no_traceback(tmp_path: Path, hang_up: Callable[[FTP], None]) -> None:
    with embedded_server(tmp_path) as server:
        client = signed_in(server)
        client.storbinary("STOR whole.bin", io.BytesIO(bytes(20_000_000)))
        hang_up(client)
        time.sleep(0.5)
        with signed_in(server) as next_one:  # it serves on
            assert next_one.size("whole.bin") == 20_000_000

    assert (tmp_path / "server.log").read_text() == ""
