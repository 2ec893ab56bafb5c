"""Servers that hang: they accept connections, keep the old ones, and say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from core.embedded.postgres import EmbeddedPostgres


@contextmanager
def frozen(postgres: EmbeddedPostgres) -> Iterator[None]:
    """Stop every process of the server for the block, as a machine that swaps does."""
    assert postgres._process is not None
    stopped = []
    waiting = [psutil.Process(postgres._process.pid)]
    try:
        while waiting:
            process = waiting.pop()
            with suppress(psutil.NoSuchProcess):  # one that ends by itself just now
                process.suspend()  # before its children are listed: it makes no more of them
                stopped.append(process)
                waiting += process.children()
        yield
    finally:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()
