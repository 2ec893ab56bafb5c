"""Starts a RabbitMQ of our own: own ports, own epmd, own folder; no service, no user, no trace afterwards.

It comes from Debian's packages, unpacked in a cache folder, and runs as whoever runs the tests.
What cannot be had here raises `NotHere` with the reason.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from core.embedded.parent import end_with_parent
from tests.packages import NotHere, environment, unpacked
from tests.ports import free_port
from tests.waiting import eventually

USER, PASSWORD = "ulos", "s3cret"
READY_WITHIN = 60
PACKAGES = (
    "rabbitmq-server",
    *(
        f"erlang-{part}"
        for part in [
            "base",
            "asn1",
            "crypto",
            "eldap",
            "ftp",
            "inets",
            "mnesia",
            "os-mon",
            "parsetools",
            "public-key",
            "runtime-tools",
            "snmp",
            "ssl",
            "syntax-tools",
            "tftp",
            "tools",
            "xmerl",
        ]
    ),
)
_NODE = "ulos@localhost"
_COOKIE = "tests"
_TRIES = 5


class _PortTaken(NotHere):
    """Somebody took a port between our look and the broker's start; others may be free."""


class RabbitMq:
    """A broker that tests may stop, kill, start again, and make miserable. Use `running`."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.port = free_port()
        self._root = root
        self._folder = folder
        self._vhosts = itertools.count(1)
        self._environment = _prepare(root, folder, self.port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The broker's process."""
        assert self._process is not None, "it is not running"
        return self._process.pid

    def url(self, vhost: str = "%2f", *, user: str = USER, password: str = PASSWORD) -> str:
        """The address of `vhost` for a client."""
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}/{vhost}"

    def new_vhost(self) -> str:
        """The address of a new, empty virtual host."""
        name = f"test{next(self._vhosts)}"
        self.evaluate(f'rabbit_vhost:add(<<"{name}">>, <<"tests">>)')
        self._permit(name, write=".*")
        return self.url(name)

    def forbid_writing(self, url: str) -> None:
        """Take the right to publish and to bind, in the virtual host that `url` leads to."""
        self._permit(url.rsplit("/", 1)[1], write="")

    def _permit(self, vhost: str, *, write: str) -> None:
        who, rights = f'<<"{USER}">>, <<"{vhost}">>', f'<<".*">>, <<"{write}">>, <<".*">>'
        self.evaluate(f'rabbit_auth_backend_internal:set_permissions({who}, {rights}, <<"tests">>)')

    def start(self) -> None:
        """Start it, or start it again on what it has kept, and wait until it takes connections."""
        log = self._folder / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [next(self._root.glob("usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server"))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
                preexec_fn=partial(end_with_parent, signal.SIGKILL),  # noqa: PLW1509  one system call, no locks
            )
        deadline = time.monotonic() + READY_WITHIN
        while not _speaks_amqp(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                said = log.read_text(errors="replace")
                kind = _PortTaken if "eaddrinuse" in said.lower() else NotHere
                raise kind(f"RabbitMQ did not start: {said[-1000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in an orderly way; what is durable is kept for the next start."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start; every connection breaks, every unacknowledged message is handed out again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open and nobody answers, as when a cable is pulled."""
        os.kill(self.pid, signal.SIGSTOP)
        eventually(lambda: self._thread_states() <= {"T"})

    def _thread_states(self) -> set[str]:
        """How the kernel sees its threads; a signal reaches them one after the other."""
        states = (path.read_text() for path in Path(f"/proc/{self.pid}/task").glob("*/stat"))
        return {state.rpartition(")")[2].split()[0] for state in states}

    def resume(self) -> None:
        """End a `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def cut_connections(self) -> int:
        """Break every client's connection without a word to it; how many there were."""
        answer = self.evaluate(
            "Sockets = [proplists:get_value(pid, rabbit_networking:connection_info(C, [pid])) || "
            "C <- rabbit_networking:connections()], [exit(P, kill) || P <- Sockets], length(Sockets)"
        )
        return int(answer)

    def raise_memory_alarm(self) -> None:
        """Let it believe that its memory is full: it stops reading from whoever publishes."""
        self.evaluate("vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1})")

    def clear_memory_alarm(self) -> None:
        """End a `raise_memory_alarm`."""
        self.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.6)")

    def evaluate(self, code: str) -> str:
        """What the Erlang expressions `code` come to, in the broker itself.

        `rabbitmqctl` does the same through a start of Elixir that takes two seconds.
        """
        program = next(self._root.glob("usr/lib/erlang/lib/erl_interface-*/bin/erl_call"), None)
        done = subprocess.run(
            [program or self._root / "usr/lib/erlang/bin/erl_call", "-n", _NODE, "-c", _COOKIE, "-e"],
            input=f"{code}.\n",
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=60,
            check=True,
        )
        answer = done.stdout.strip()
        if not answer.startswith("{ok,"):
            raise AssertionError(f"RabbitMQ: {answer or done.stderr}")
        return answer.removeprefix("{ok,").removesuffix("}").strip()

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            process.wait(READY_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running() -> Iterator[RabbitMq]:
    """A broker in a folder of its own that is gone afterwards.

    Raises:
        NotHere: it cannot be had or started on this machine.

    """
    root = unpacked("rabbitmq", PACKAGES)
    with contextlib.ExitStack() as stack:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(_PortTaken):
                broker = stack.enter_context(_started(root))
                break
        else:
            broker = stack.enter_context(_started(root))
        yield broker


@contextlib.contextmanager
def _started(root: Path) -> Iterator[RabbitMq]:
    # Not pytest's folder: Erlang's sockets and atoms dislike long paths.
    with tempfile.TemporaryDirectory(prefix="ulos-mq-", ignore_cleanup_errors=True) as folder:
        broker = RabbitMq(root, Path(folder))
        with _epmd(root, broker):
            try:
                broker.start()
                yield broker
            finally:
                broker.stop()


@contextlib.contextmanager
def _epmd(root: Path, broker: RabbitMq) -> Iterator[None]:
    """Erlang's name server, which every node needs; ours, so that no other is met or left behind."""
    process = subprocess.Popen(
        [root / "usr/lib/erlang/bin/epmd", "-address", "127.0.0.1"],
        env=broker._environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=partial(end_with_parent, signal.SIGKILL),  # noqa: PLW1509  one system call, no locks
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _prepare(root: Path, folder: Path, port: int) -> dict[str, str]:
    """Configuration files in `folder`, and the environment in which the programs find them."""
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\n"
        f"default_user = {USER}\n"
        f"default_pass = {PASSWORD}\n"
        "vm_memory_high_watermark.relative = 0.6\n"
        "disk_free_limit.absolute = 1MB\n"
        "collect_statistics_interval = 60000\n"
    )
    (folder / "enabled_plugins").write_text("[].\n")
    (folder / "empty").write_text("")
    (folder / ".erlang.cookie").write_text(_COOKIE)
    (folder / ".erlang.cookie").chmod(0o400)
    (folder / "bin").mkdir()
    _write_erl(root, folder / "bin" / "erl")
    ours = {
        "HOME": folder,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "ERL_EPMD_PORT": free_port(),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": _NODE,
        "RABBITMQ_DIST_PORT": free_port(),
        "RABBITMQ_MNESIA_BASE": folder / "mnesia",
        "RABBITMQ_LOG_BASE": folder / "log",
        "RABBITMQ_CONF_ENV_FILE": folder / "empty",
        "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf",
        "RABBITMQ_ADVANCED_CONFIG_FILE": folder / "none.config",
        "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput +S 2:2 +sbwt none",
        "ERL_CRASH_DUMP_SECONDS": "0",
        "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the server, so that its pid is the server's
    }
    inherited = {key: value for key, value in environment(root).items() if not key.startswith("RABBITMQ")}
    return {**inherited, **{key: str(value) for key, value in ours.items()}}


def _write_erl(root: Path, path: Path) -> None:
    """A starter of Erlang that finds it where it was unpacked; the packaged one knows /usr only."""
    erlang = root / "usr/lib/erlang"
    programs = next(erlang.glob("erts-*/bin"))
    path.write_text(
        "#!/bin/sh\n"
        f"export EMU=beam PROGNAME=erl ROOTDIR='{erlang}' BINDIR='{programs}'\n"
        f"exec '{programs}/erlexec' \"$@\"\n"
    )
    path.chmod(0o755)


def _speaks_amqp(port: int) -> bool:
    """Whether the broker greets a client, which it does once it has started whole."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as probe:
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return probe.recv(1) == b"\x01"
    except OSError:
        return False


if __name__ == "__main__":
    try:
        unpacked("rabbitmq", PACKAGES)
    except NotHere as missing:
        sys.exit(str(missing))
