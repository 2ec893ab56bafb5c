"""`python -m runner`: the local runner's process."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

from core import logs
from core.broker import open_consumer
from core.config import Settings
from core.embedded.parent import end_with_parent
from core.embedded.state import resolve
from core.errors import BrokerUnavailable
from core.storage import open_storage
from runner.node import Node
from runner.sandbox import find_sandbox

_RETRY_SECONDS = 1.0

logger = logging.getLogger(__name__)


def main() -> None:
    """Work with several threads until SIGTERM or SIGINT."""
    end_with_parent(signal.SIGTERM)
    settings = resolve(Settings())
    logs.configure(settings)
    for left_over in Path(tempfile.gettempdir()).glob("ulos-runner-*"):
        if left_over.stat().st_mtime < time.time() - settings.runner_leftover_seconds:
            shutil.rmtree(left_over, ignore_errors=True)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    node = Node(settings, open_storage(settings), find_sandbox(settings), stopping)
    logger.info("sandbox: %s", node.sandbox.bwrap or "none")
    threads = [
        threading.Thread(target=_work, args=(node, f"{socket.gethostname()}-{number}"))
        for number in range(settings.runner_workers)
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


if __name__ == "__main__":
    os.umask(0o022)
    main()
