"""Waiting for Postgres with a limit: a server that hangs, rather than being down, never closes a connection.

libpq waits for an answer for ever. psycopg2 lets us wait in its place: after a while without an answer the
server is asked for a greeting on a second connection. A long query of a server that greets is waited for;
a server that does not greet counts as gone.
"""

from __future__ import annotations

import select
import socket
import struct
from contextlib import suppress

import psycopg2
from psycopg2 import extensions

ANSWER_SECONDS = 10.0
"""How long an answer may take before the server is asked whether it is there."""

GREETING_SECONDS = 5.0

_SSL_REQUEST = struct.pack("!ii", 8, 80_877_103)
"""The first message of a client that may speak TLS; any server answers it with one byte."""


def install() -> None:
    """Let every connection of this process wait by `wait`."""
    extensions.set_wait_callback(wait)


def wait(connection: extensions.connection) -> None:
    """Return when `connection` has its answer.

    Raises:
        psycopg2.OperationalError: the server hangs. psycopg2 closes the connection then.

    """
    while (state := connection.poll()) != extensions.POLL_OK:
        poller = select.poll()
        poller.register(
            connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT
        )
        if not poller.poll(ANSWER_SECONDS * 1_000) and not _greets(connection):
            raise psycopg2.OperationalError("the server does not answer")


def _greets(connection: extensions.connection) -> bool:
    """Whether the server of `connection` answers a newcomer."""
    host, port = connection.info.host, connection.info.port
    with suppress(OSError), _connect(host, port) as probe:
        probe.settimeout(GREETING_SECONDS)
        probe.sendall(_SSL_REQUEST)
        return bool(probe.recv(1))
    return False


def _connect(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), GREETING_SECONDS)
    probe = socket.socket(socket.AF_UNIX)
    probe.settimeout(GREETING_SECONDS)
    probe.connect(f"{host}/.s.PGSQL.{port}")
    return probe
