"""One FTP connection: commands and transfers, each step with a time limit.

aioftp speaks the protocol. The data connection is ours, for two reasons: it must turn to TLS only
after the server's 150, with the session of the control connection (aioftp's order hangs on uploads
to vsftpd, ProFTPD and Pure-FTPd: aio-libs/aioftp#186), and over a blocking socket bytes go several
times as fast as through asyncio's streams. It may block, for nothing else runs on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import aioftp

from core.errors import StorageUnavailable
from core.storage.address import FtpAddress

CHUNK = 1 << 18
"""Bytes per read and write."""

_SHUTTING_DOWN = "421"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a silent server is waited for, in seconds."""

    connect: float = 5
    """Until it has greeted, and for each data connection."""
    progress: float = 20
    """For the answer to each command, and for each chunk."""


class Refused(Exception):
    """The server answered and said no. `code` of RFC 959, section 4.2.1."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Connection:
    """A signed-in control connection. Failures are `Refused` or `StorageUnavailable`, nothing else.

    Belongs to one event loop and one task.
    """

    def __init__(self, address: FtpAddress, timeouts: Timeouts) -> None:
        self.features: frozenset[str] = frozenset()
        """Words of FEAT (RFC 2389), such as SIZE, MLST, `AUTH TLS`; none where it lacks FEAT."""
        self.usable = False
        """Whether another command may follow: no transfer is under way, no step failed half-way."""
        self._address = address
        self.timeouts = timeouts
        self._client = aioftp.Client(passive_commands=("epsv", "pasv"))
        self._tls: ssl.SSLContext | None = None

    async def open(self) -> None:
        """Connect, turn to TLS where it is offered or required, sign in, choose binary."""
        try:
            async with self.step("connect", self.timeouts.connect):
                await self._client.connect(self._address.host, self._address.port)
            self.features = await self._ask_features()
            if self._address.tls == "require" or (
                self._address.tls == "auto" and "AUTH TLS" in self.features
            ):
                await self._start_tls()
            async with self.step("sign in", self.timeouts.progress):
                await self._client.login(self._address.user, self._address.password)
            await self.command("TYPE I", "200")
        except BaseException:
            self.abort()
            raise
        self.usable = True

    async def _ask_features(self) -> frozenset[str]:
        try:
            lines = await self.command("FEAT", "211")
        except Refused:
            return frozenset()
        words = {line.upper() for line in lines[1:-1]}
        # MLST and REST bring their options along, AUTH may list several kinds in one line.
        named = {word.split(" ")[0] for word in words}
        offers_tls = any(word.startswith("AUTH ") and "TLS" in word for word in words)
        return frozenset(named | ({"AUTH TLS"} if offers_tls else set()))

    async def _start_tls(self) -> None:
        """Explicit TLS for commands and data (RFC 4217)."""
        try:
            await self.command("AUTH TLS", "234")
        except Refused:
            if self._address.tls == "require":
                raise
            return  # Pure-FTPd lists it in FEAT even where it is switched off
        context = ssl.create_default_context()
        if self._address.tls != "require":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        async with self.step("TLS", self.timeouts.progress):
            await self._client.stream.start_tls(context, self._address.host)
        await self.command("PBSZ 0", "200")
        await self.command("PROT P", "200")
        self._tls = context

    async def command(self, line: str, *expected: str) -> list[str]:
        """Send `line`; the lines of the answer, without its code, once that is one of `expected`.

        Raises:
            Refused: the code is another.
            StorageUnavailable: no answer, or none that can be understood.

        """
        async with self.step(line.split(" ", maxsplit=1)[0], self.timeouts.progress):
            _, lines = await self._client.command(line, expected)
            return [text.strip() for text in lines]

    @contextlib.asynccontextmanager
    async def transfer(self, line: str, *, offset: int = 0) -> AsyncIterator[Transfer]:
        """A data connection for `line` (RETR, STOR, LIST …), confirmed by the server at the end.

        Left by an exception, both connections are cut.
        """
        data = await self._open_transfer(line, offset)
        self.usable = False  # a command in between would take the transfer's answer for its own
        try:
            yield data
            data.finish()
        except BaseException:
            data.abort()
            self.abort()
            raise
        self.usable = True
        async with self.step("end of transfer", self.timeouts.progress):
            await self._client.command(None, "2xx", "1xx")

    async def _open_transfer(self, line: str, offset: int) -> Transfer:
        port = await self._ask_port()
        host = self._client.stream.writer.get_extra_info("peername")[0]
        with self.understood("data connection"):
            data_socket = socket.create_connection((host, port), self.timeouts.connect)
        try:
            if offset:
                await self.command(f"REST {offset}", "350")
            await self.command(line, "1xx")
            with self.understood("data connection"):
                data_socket.settimeout(self.timeouts.progress)
                if self._tls is not None:
                    data_socket = self._wrap(data_socket, self._tls)
        except BaseException:
            data_socket.close()
            raise
        return Transfer(data_socket, self.understood)

    def _wrap(self, data_socket: socket.socket, context: ssl.SSLContext) -> socket.socket:
        """Servers insist on the session of the control connection: so the same client is known."""
        control = self._client.stream.writer.get_extra_info("ssl_object")
        return context.wrap_socket(data_socket, server_hostname=self._address.host, session=control.session)

    async def _ask_port(self) -> int:
        """EPSV (RFC 2428), else PASV, whose address is not trusted: behind a NAT it is wrong."""
        try:
            answer = await self.command("EPSV", "229")
        except Refused:
            answer = await self.command("PASV", "227")
            with self.understood("PASV"):
                return int(self._client.parse_pasv_response(answer[-1])[1])
        with self.understood("EPSV"):
            return int(self._client.parse_epsv_response(answer[-1])[1])

    @contextlib.asynccontextmanager
    async def step(self, name: str, seconds: float) -> AsyncIterator[None]:
        """Bound one step in time, and turn what aioftp and sockets raise into our two errors."""
        with self.understood(name):
            async with asyncio.timeout(seconds):
                yield

    @contextlib.contextmanager
    def understood(self, name: str) -> Iterator[None]:
        """Turn what aioftp, sockets and parsers raise into our two errors."""
        try:
            yield
        except aioftp.StatusCodeError as error:
            code = str(error.received_codes[-1])
            self.usable = self.usable and code != _SHUTTING_DOWN
            raise Refused(code) from error
        except (aioftp.AIOFTPException, OSError, EOFError, ValueError, IndexError) as error:
            # ValueError and IndexError: an answer that cannot be parsed.
            self.usable = False
            raise StorageUnavailable(reason=f"{name}: {type(error).__name__}") from error

    async def close(self) -> None:
        """Say goodbye and close; a server that does not answer is left alone."""
        if self.usable:
            with contextlib.suppress(Refused, StorageUnavailable):  # all is done: nothing can be lost
                async with self.step("QUIT", self.timeouts.connect):
                    await self._client.command("QUIT", "2xx")
        self.abort()

    def abort(self) -> None:
        """Close without a word."""
        self.usable = False
        with contextlib.suppress(ConnectionError):  # it never was connected
            self._client.stream.writer.transport.abort()


class Transfer:
    """The bytes of one transfer. Every call is bounded by the socket's time-out."""

    def __init__(
        self, data_socket: socket.socket, understood: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        self._socket = data_socket
        self._understood = understood

    def read(self, count: int = CHUNK) -> bytes:
        """At most `count` bytes; none at the end."""
        with self._understood("read"):
            return self._socket.recv(count)

    def write(self, data: bytes) -> None:
        """Hand `data` over; returns when the connection has taken it, so memory stays flat."""
        rest = memoryview(data)
        while rest:  # not sendall: the time-out is for some progress, however slow the line
            with self._understood("write"):
                rest = rest[self._socket.send(rest) :]

    def finish(self) -> None:
        """End the data: the server sees the end of the file."""
        if isinstance(self._socket, ssl.SSLSocket):
            # Reads what the server had to say (session tickets): closed with that unread, TCP would
            # take back what we sent. A server that hangs up without a farewell does no harm.
            with contextlib.suppress(OSError):
                self._socket.unwrap()
        self._socket.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._socket.close()
