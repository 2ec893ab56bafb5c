"""A processing node that stands in for the orchestrator, written from the contract alone.

    python -m tests.standin_node '{"name": "a", "queue": "g-code-parsing", …}'

It takes from one queue, fetches and stores files over FTP, reports in the orchestrator's own words and
publishes the task to its next decision. And it can misbehave: report in another order, late or not at
all, send bytes that nobody can read, and die at any point of its work, which here means that its
connection breaks, everything it had in hand is forgotten, and it begins anew. What it did is written
down in a ledger of JSON lines, each after the broker had confirmed it.
"""

from __future__ import annotations

import contextlib
import ftplib
import io
import json
import random
import signal
import socket
import sys
import threading
import time
import zipfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from core.wire import CRASHED_KEY, EXCHANGE, LOG_KEY
from tests.node_reports import (
    ACKNOWLEDGED,
    DOWNLOADED,
    NOT_PASSED,
    PASSED,
    RECEIVED,
    REJECTED,
    SENT,
    UPLOADED,
    Carried,
)

TAGS_A_LIFE = 1_000_000
"""Each life numbers its deliveries apart. Otherwise a new life would write some body of the last one
again, byte for byte, and nobody could tell whether the second had been applied."""

LONGEST_DELAY = 30


class Fate(StrEnum):
    """How a task fares, decided by its number alone, so that every run and the test know it."""

    PASSES = "passes"
    FAILS_FIRST = "fails in stage 1"
    FAILS_SECOND = "fails in stage 2"
    CRASHES_FIRST = "crashes in stage 1"
    CRASHES_SECOND = "crashes in stage 2"
    UPLOAD_FAILS_FIRST = "its files cannot be stored after stage 1"
    UPLOAD_FAILS_SECOND = "its files cannot be stored after stage 2"

    @property
    def stage(self) -> int | None:
        """The stage that it does not survive, from 0."""
        return None if self is Fate.PASSES else int(self.value.split("stage ")[1]) - 1


_WEIGHTS = (70, 10, 10, 3, 3, 2, 2)


def fate_of(task_id: int) -> Fate:
    """The fate of a task."""
    return random.Random(task_id).choices(list(Fate), _WEIGHTS)[0]  # noqa: S311  dice


class Died(Exception):
    """The node is gone, with everything it had in hand."""


@dataclass
class Plan:
    """Which queue a node takes from, and how it misbehaves: probabilities from 0 to 1."""

    name: str
    queue: str
    amqp_url: str
    ftp_url: str
    ledger: str
    seed: int
    dies: float = 0
    shuffles: float = 0
    delays: float = 0
    drops: float = 0
    corrupts: float = 0
    stores_whole: bool = False
    """Store files under another name first. A server that is killed in the middle of a node's own upload
    leaves half an archive, which no later delivery can read: a fault of the node, not of the project."""


@dataclass
class Late:
    """A report that goes out after so many others."""

    countdown: int
    key: str
    body: bytes


@dataclass
class Life:
    """One connection of a node, from its start to its death."""

    plan: Plan
    dice: random.Random
    number: int
    channel: BlockingChannel
    ledger: Ledger
    late: deque[Late] = field(default_factory=deque)

    def serve(self, ending: threading.Event) -> None:
        """Take tasks for as long as the connection holds, or until there are none and the end is near."""
        self.channel.confirm_delivery()
        self.channel.basic_qos(prefetch_count=10)
        for method, _, body in self.channel.consume(self.plan.queue, inactivity_timeout=0.2):
            if method is None:
                self.hurry()
                if ending.is_set():
                    return
                continue
            self.process(body, method.delivery_tag)

    def process(self, body: bytes, delivery_tag: int) -> None:
        carried = Carried.from_message(body, self.number * TAGS_A_LIFE + delivery_tag)
        fate = fate_of(int(carried.fields["taskId"]))
        stage = (
            0 if (carried.tree or {}).get("successRoutingDecision", {}).get("successRoutingDecision") else 1
        )
        if fate.stage == stage and "passes" not in fate and "fails in" not in fate:
            self.crash(carried, fate)
            self.channel.basic_reject(delivery_tag, requeue=False)
            return
        success = fate.stage != stage
        after = carried.towards(success=success)
        said = [(carried, RECEIVED), (carried, DOWNLOADED), (carried, PASSED if success else NOT_PASSED)]
        fatal = self.dice.randrange(5) if self.dice.random() < self.plan.dies else None
        self.work(carried)
        said.append((after, UPLOADED))
        self.report(said, fatal)
        self.publish(after.key, after.write())
        self.die_if(fatal == 4)
        self.report([(after, SENT)], None)
        self.channel.basic_ack(delivery_tag)
        self.report([(after, ACKNOWLEDGED)], None)
        self.ledger.write("done", carried)
        if self.dice.random() < self.plan.corrupts:
            self.ledger.write("corrupts", carried)
            self.publish(LOG_KEY, b'{"taskId":' + bytes(self.dice.randrange(128, 256) for _ in range(20)))
            self.ledger.write("corrupted", carried)

    def crash(self, carried: Carried, fate: Fate) -> None:
        """The reports around a crash come in any order, those of the work before it first."""
        began = [(carried, RECEIVED), (carried, DOWNLOADED)]
        what, after = "execution", carried
        if "stored" in fate:
            began.append((carried, PASSED))
            what, after = "files upload", carried.towards(success=True)
        reason = f"java.lang.Exception: • {fate} •"
        for told, text in began:
            self.say(told, text)
        around = [
            (CRASHED_KEY, reason),
            (LOG_KEY, f"Task crashed with reason - {reason}"),
            (LOG_KEY, f"Task {what} failed with reason - {reason}"),
            (LOG_KEY, REJECTED),
        ]
        self.dice.shuffle(around)
        for key, text in around:
            self.publish(key, after.write(text))

    def report(self, said: list[tuple[Carried, str]], fatal: int | None) -> None:
        """Say these things, now and then in another order, and die after so many of them."""
        if self.dice.random() < self.plan.shuffles:
            self.dice.shuffle(said)
        for place, (carried, text) in enumerate(said):
            if text == RECEIVED:
                self.say(carried, text)
            elif self.dice.random() < self.plan.delays:
                self.late.append(Late(self.dice.randrange(LONGEST_DELAY), LOG_KEY, carried.write(text)))
            elif self.dice.random() >= self.plan.drops:
                self.say(carried, text)
            self.die_if(fatal == place)

    def say(self, carried: Carried, text: str) -> None:
        if text == RECEIVED:
            self.ledger.write("takes", carried)
        self.publish(LOG_KEY, carried.write(text))
        if text == RECEIVED:
            self.ledger.write("took", carried)

    def publish(self, key: str, body: bytes) -> None:
        self.channel.basic_publish(EXCHANGE, key, body, pika.BasicProperties(delivery_mode=2), mandatory=True)
        for entry in list(self.late):
            entry.countdown -= 1
            if entry.countdown <= 0:
                self.late.remove(entry)
                self.channel.basic_publish(EXCHANGE, entry.key, entry.body)

    def hurry(self) -> None:
        """Nothing to do: what was held back goes out."""
        while self.late:
            entry = self.late.popleft()
            self.channel.basic_publish(EXCHANGE, entry.key, entry.body)

    def die_if(self, fatal: bool) -> None:
        if fatal:
            raise Died

    def work(self, carried: Carried) -> None:
        """Fetch the archive, add the stage's output, store it over the same path."""
        with logged_in(self.plan.ftp_url) as ftp:
            content = io.BytesIO()
            ftp.retrbinary(f"RETR {carried.file_path}", content.write)
            if not zipfile.is_zipfile(content):
                raise OSError("another delivery of this task is about to store it")
            output = f"output_{EXCHANGE}_{carried.key}.txt"
            with zipfile.ZipFile(content, "a") as archive:
                if output not in archive.namelist():
                    archive.writestr(output, f"{self.plan.name} was here\n")
            content.seek(0)
            if not self.plan.stores_whole:
                ftp.storbinary(f"STOR {carried.file_path}", content)
                return
            unfinished = f"{carried.file_path}.{self.plan.name}"
            ftp.storbinary(f"STOR {unfinished}", content)
            ftp.rename(unfinished, carried.file_path)


class Ledger:
    """What a node did, a line each."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def write(self, what: str, carried: Carried) -> None:
        self._file.write(
            json.dumps({"what": what, "task": carried.fields["taskId"], "key": carried.key}) + "\n"
        )


_open: dict[str, ftplib.FTP] = {}


@contextlib.contextmanager
def logged_in(url: str) -> Iterator[ftplib.FTP]:
    """The session of this process, opened again after it broke."""
    if url not in _open:
        parts = urlsplit(url)
        _open[url] = ftplib.FTP(timeout=20)  # noqa: S321  as nodes do
        _open[url].connect(parts.hostname or "", parts.port or 21)
        _open[url].login(parts.username or "", parts.password or "")
    try:
        yield _open[url]
    except ftplib.all_errors:
        _open.pop(url).close()
        raise


def main(plan: Plan) -> None:
    """Live, die and live again, until SIGTERM; then do what is left to do."""
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    dice = random.Random(plan.seed)  # noqa: S311  dice
    ledger = Ledger(Path(plan.ledger))
    number = plan.seed * 1000
    while not ending.is_set():
        number += 1
        try:
            connection = pika.BlockingConnection(pika.URLParameters(plan.amqp_url))
        except (pika.exceptions.AMQPError, OSError):
            time.sleep(0.2)
            continue
        try:
            Life(plan, dice, number, connection.channel(), ledger).serve(ending)
        except Died:
            cut(connection)
        except (pika.exceptions.AMQPError, OSError, *ftplib.all_errors):
            cut(connection)
            time.sleep(0.2)


def cut(connection: pika.BlockingConnection) -> None:
    """Break the connection as a dying process does: without a word."""
    with contextlib.suppress(AttributeError, OSError):
        connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(pika.exceptions.AMQPError, OSError):
        connection.close()


if __name__ == "__main__":
    main(Plan(**json.loads(sys.argv[1])))
