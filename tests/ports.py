"""Ports for servers of the tests."""

from __future__ import annotations

import contextlib
import random
import socket


def free_port() -> int:
    """One below those that systems give to whoever connects, so that it is free again after a restart."""
    while True:
        port = random.randrange(10_000, 32_000)  # noqa: S311  no secret
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
