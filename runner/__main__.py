"""The local runner's process: `python -m runner`; `python -m runner check` says what it can do here.

Everything that it needs is imported before it gives up root: afterwards its own files may lie where
its user may not go.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading

import httpx

from core import logs
from core.broker import open_consumer
from core.config import Settings, read_settings
from core.embedded.parent import end_with_parent
from core.embedded.state import NeverStarted, resolve
from core.errors import BrokerUnavailable
from core.incidents import end_on_unexpected_errors
from core.storage import open_storage
from runner.callbacks import NO_CERTIFICATES
from runner.machine import describe, describe_python, find_sandbox, install_bwrap, read_bwrap
from runner.node import Node
from runner.preload import preload
from runner.privileges import StillPrivileged, drop_root
from runner.scratch import NoScratch, enter_scratch, remove

_RETRY_SECONDS = 1.0

logger = logging.getLogger(__name__)


def main() -> int:
    """Work with several threads until SIGTERM or SIGINT; the exit code."""
    settings = resolve(read_settings())
    logs.configure(settings)
    storage = open_storage(settings)
    program = read_bwrap(settings)
    preload()
    drop_root()
    end_with_parent(signal.SIGTERM)  # the kernel forgets it when the user changes
    end_on_unexpected_errors()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    scratch = enter_scratch()
    try:
        sandbox, problems = find_sandbox(settings, program)
        logger.info("%s", describe(sandbox, problems))
        _wait_for_schema(settings, stopping)
        _work_until_stopped(Node(settings, storage, sandbox, stopping))
    finally:
        remove(scratch)
    return 0


def check() -> int:
    """Get bubblewrap where that is possible, and print what the runner can do on this machine."""
    settings = read_settings()
    if not settings.runs_runner:
        return 0
    install_bwrap(settings)
    program = read_bwrap(settings)
    preload()
    drop_root()
    scratch = enter_scratch()
    try:
        for line in (describe(*find_sandbox(settings, program)), describe_python()):
            if line:
                print(line)  # noqa: T201  for the person at the terminal
    finally:
        remove(scratch)
    return 0


def _work_until_stopped(node: Node) -> None:
    threads = [
        threading.Thread(target=_work, args=(node, f"{socket.gethostname()}-{number}"))
        for number in range(node.settings.runner_workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(node: Node, name: str) -> None:
    while not node.stopping.is_set():
        try:
            with open_consumer(node.settings, name) as consumer:
                while not node.stopping.is_set():
                    delivery = consumer.receive(1.0)
                    if delivery is not None:
                        node.work(consumer, delivery)
        except BrokerUnavailable as error:
            logger.warning("waiting for the queue: %s", error)
            node.stopping.wait(_RETRY_SECONDS)


def _wait_for_schema(settings: Settings, stopping: threading.Event) -> None:
    """Wait until the tables are those of this version, as the endpoint sees it."""
    address = f"http://{settings.host}:{settings.api_port}/readyz"
    with httpx.Client(timeout=10, trust_env=False, verify=NO_CERTIFICATES) as client:
        while not stopping.is_set():
            try:
                if client.get(address).json()["components"].get("schema") == "ok":
                    return
            except (httpx.TransportError, ValueError, KeyError, AttributeError):
                logger.debug("waiting for the endpoint at %s", address)
            stopping.wait(_RETRY_SECONDS)


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(check() if sys.argv[1:] == ["check"] else main())
    except (NeverStarted, NoScratch, StillPrivileged) as error:
        sys.exit(f"runner: {error}")
