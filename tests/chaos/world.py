"""The installation under test with all that it stands on: servers, disks, proxies."""

from __future__ import annotations

import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from core.embedded.postgres import EmbeddedPostgres
from tests import ftp_servers, rabbitmq
from tests.chaos.book import HandedIn
from tests.chaos.disks import Disk, can_mount
from tests.chaos.installation import Installation, send
from tests.chaos.proxy import Proxy
from tests.chaos.schedule import Action, Kind, Target
from tests.chaos.servers import Node, Vsftpd
from tests.ports import free_port
from tests.standin_node import Plan

POSTGRES_MB, FTP_MB = 500, 300

MISBEHAVIOUR = {"dies": 0.03, "shuffles": 0.5, "delays": 0.1, "drops": 0.05}
"""What the stand-in nodes do wrong by themselves."""


class World(ABC):
    """A running installation. `folder` belongs to it alone."""

    kind: Kind

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.installation = Installation(folder / "data", settings)
        self.proxies: dict[Target, Proxy] = {}
        self.disks: dict[Target, Disk] = {}
        self.ledgers: list[Path] = []
        self.hands = ThreadPoolExecutor(16)
        """What starts servers again: they end with the thread that has started them."""
        self.book: list[HandedIn] = []
        """Everything that was ever handed in."""

    @property
    def missing(self) -> frozenset[Action]:
        """Return what cannot be done on this machine."""
        return frozenset() if self.disks else frozenset({Action.FILL})

    @property
    def logs(self) -> list[Path]:
        """Return the log of each process of the installation."""
        return sorted((self.folder / "data" / "log").glob("*.log"))

    @property
    @abstractmethod
    def dsn(self) -> str:
        """Return the address of Postgres for psycopg2, past every proxy."""

    @property
    @abstractmethod
    def ftp_url(self) -> str:
        """Return the address of the project's files, past every proxy."""

    @property
    @abstractmethod
    def files(self) -> Path:
        """Return the folder of this machine that `ftp_url` leads to."""

    @abstractmethod
    def pids(self, target: Target) -> list[int]:
        """Return the processes of `target`, parents first."""

    @abstractmethod
    def revive(self, target: Target) -> None:
        """Start `target` again after it was killed, unless that happens by itself."""

    def kill(self, target: Target) -> None:
        """Kill `target`; `EVERYTHING` is the project's own processes."""
        if target is Target.EVERYTHING:
            self.installation.kill()
        else:
            send(self.pids(target), signal.SIGKILL)

    @property
    def clients_api(self) -> str:
        """Return the address of the API for the clients of a round, whose connections can be disturbed."""
        return f"http://127.0.0.1:{self.proxies[Target.API].port}"

    def _mount(self, stack: ExitStack, target: Target, folder: Path, megabytes: int) -> None:
        if can_mount(self.folder / "probe"):
            self.disks[target] = Disk(folder, megabytes)
            stack.callback(self.disks[target].unmount)

    def _start(self, stack: ExitStack) -> None:
        stack.callback(self._end)
        self.installation.start()
        self.installation.wait_until_ready()

    def _end(self) -> None:
        try:
            self.installation.stop()
        finally:
            with suppress(OSError, AssertionError):
                self.installation.kill()


class EmbeddedWorld(World):
    """`core up` with nothing configured."""

    kind = Kind.EMBEDDED

    @property
    def dsn(self) -> str:
        state = self.installation.state
        return f"postgresql://ulos:{state['postgres_password']}@127.0.0.1:{state['postgres_port']}/ulos"

    @property
    def ftp_url(self) -> str:
        state = self.installation.state
        return f"ftp://ulos:{state['ftp_password']}@127.0.0.1:{state['ftp_port']}/ulos"

    @property
    def files(self) -> Path:
        return self.folder / "data" / "ftp" / "ulos"

    def pids(self, target: Target) -> list[int]:
        return self.installation.pids(target)

    def revive(self, target: Target) -> None:
        if target is Target.EVERYTHING:
            self.installation.start()

    def open(self, stack: ExitStack) -> None:
        data = self.folder / "data"
        self._mount(stack, Target.POSTGRES, data / "postgres", POSTGRES_MB)
        self._mount(stack, Target.FTP, data / "ftp", FTP_MB)
        self._start(stack)


class ExternalWorld(World):
    """`core up` beside Postgres, vsftpd and RabbitMQ behind proxies, and two stand-in nodes."""

    kind = Kind.EXTERNAL

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._broker = stack.enter_context(rabbitmq.running())
        self._vsftpd = Vsftpd()
        stack.callback(self._vsftpd.close)
        self._postgres = EmbeddedPostgres(folder / "postgres" / "data", port=free_port(), password="chaos")
        amqp_url = self._broker.new_vhost()
        proxies = {
            Target.POSTGRES: stack.enter_context(Proxy(self._postgres._port)),
            Target.FTP: stack.enter_context(Proxy(self._vsftpd.port, is_ftp=True)),
            Target.BROKER: stack.enter_context(Proxy(self._broker.port)),
        }
        super().__init__(
            folder,
            {
                "ULOS_DATABASE_URL": _at(self._postgres.url(), proxies[Target.POSTGRES].port),
                "ULOS_FTP_URL": self._vsftpd.url(proxies[Target.FTP].port),
                "ULOS_AMQP_URL": _at(amqp_url, proxies[Target.BROKER].port),
                "ULOS_DEMO": "on",
            },
        )
        self.proxies = proxies
        self._nodes = {
            target: Node(
                Plan(
                    name,
                    queue,
                    amqp_url,
                    self._vsftpd.url(),
                    str(folder / f"{name}.jsonl"),
                    seed,
                    stores_whole=True,
                    **MISBEHAVIOUR,
                )
            )
            for seed, (target, name, queue) in enumerate(
                [
                    (Target.PARSING_NODE, "parsing", "pass"),
                    (Target.EXECUTION_NODE, "execution", "gcode-execution"),
                ]
            )
        }
        self.ledgers = [node.ledger for node in self._nodes.values()]

    @property
    def dsn(self) -> str:
        return self._postgres.url().replace("+psycopg2", "")

    @property
    def ftp_url(self) -> str:
        return self._vsftpd.url()

    @property
    def files(self) -> Path:
        return self._vsftpd.files / "ulos"

    def pids(self, target: Target) -> list[int]:
        if target in self._nodes:
            return self._nodes[target].pids()
        if target is Target.FTP:
            return self._vsftpd.pids()
        if target is Target.BROKER:
            return [self._broker.pid] if self._broker._process else []
        if target is Target.POSTGRES:
            return self._postgres_pids()
        return self.installation.pids(target)

    def _postgres_pids(self) -> list[int]:
        process = self._postgres._process
        if process is None or process.poll() is not None:
            return []
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return [process.pid, *map(int, children)]

    def kill(self, target: Target) -> None:
        if target in self._nodes:
            self._nodes[target].kill()
        elif target is Target.FTP:
            self._vsftpd.kill()
        elif target is Target.BROKER:
            self._broker.kill()
        else:
            super().kill(target)
            if target is Target.POSTGRES and self._postgres._process is not None:
                self._postgres._process.wait()

    def revive(self, target: Target) -> None:
        if target in self._nodes:
            self._nodes[target].start()
        elif target is Target.FTP:
            self._vsftpd.start()
        elif target is Target.BROKER:
            self._broker.start()
        elif target is Target.POSTGRES:
            self._postgres.start()
        elif target is Target.EVERYTHING:
            self.installation.start()

    def open(self, stack: ExitStack) -> None:
        self._mount(stack, Target.POSTGRES, self.folder / "postgres", POSTGRES_MB)
        self._mount(stack, Target.FTP, self._vsftpd.files, FTP_MB)
        if Target.FTP in self.disks:
            shutil.chown(self._vsftpd.files, ftp_servers._owner().pw_name)
        self._vsftpd.start()
        self._postgres.start()
        stack.callback(self._postgres.stop)
        self._start(stack)
        for node in self._nodes.values():
            stack.callback(node.kill)
            node.start()


def _at(url: str, port: int) -> str:
    """Return `url` with another port."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()


@contextmanager
def running(kind: Kind, folder: Path) -> Iterator[World]:
    """Start a world of `kind` in `folder`, and stop it after the block.

    Raises:
        NotHere: one of its servers cannot be had on this machine.

    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        world: EmbeddedWorld | ExternalWorld = (
            EmbeddedWorld(folder, {}) if kind is Kind.EMBEDDED else ExternalWorld(folder, stack)
        )
        stack.callback(world.hands.shutdown)
        world.proxies[Target.API] = stack.enter_context(Proxy(world.installation.api_port))
        world.open(stack)
        yield world
