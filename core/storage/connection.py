"""One FTP connection: commands and transfers, each step with a time limit.

aioftp speaks the protocol; what it lacks for the servers in use stands here: the data connection
turns to TLS only after the server's 150, with the session of the control connection (its own
order hangs on uploads to vsftpd, ProFTPD and Pure-FTPd: aio-libs/aioftp#186).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import aioftp
from aioftp.common import SSLSessionBoundContext

from core.errors import StorageUnavailable
from core.storage.address import FtpAddress

CHUNK = 1 << 18
"""Bytes per read and write. With 8 KiB, aioftp's default, half of the speed goes."""

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


@contextlib.contextmanager
def understood() -> Iterator[None]:
    """Parse an answer.

    Raises:
        StorageUnavailable: it makes no sense.

    """
    try:
        yield
    except (ValueError, IndexError) as error:
        raise StorageUnavailable(reason=f"strange answer: {type(error).__name__}") from error


class Connection:
    """A signed-in control connection. Failures are `Refused` or `StorageUnavailable`, nothing else.

    Belongs to one event loop and one task.
    """

    def __init__(self, address: FtpAddress, timeouts: Timeouts) -> None:
        self.features: frozenset[str] = frozenset()
        """Words of FEAT (RFC 2389), such as SIZE, MLST, `AUTH TLS`; none where it lacks FEAT."""
        self.usable = False
        """Whether another command may follow: no step failed half-way."""
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
        try:
            yield data
        except BaseException:
            data.abort()
            self.abort()
            raise
        async with self.step("end of transfer", self.timeouts.progress):
            data.close()
            await self._client.command(None, "2xx", "1xx")
            await data.wait_closed()

    async def _open_transfer(self, line: str, offset: int) -> Transfer:
        port = await self._ask_port()
        verb = line.split(" ", maxsplit=1)[0]
        data_socket = await self._connect_socket(port)
        try:
            if offset:
                await self.command(f"REST {offset}", "350")
            await self.command(line, "1xx")
            async with self.step(verb, self.timeouts.progress):
                reader, writer = await asyncio.open_connection(
                    sock=data_socket, limit=CHUNK, **self._data_tls()
                )
        except BaseException:
            data_socket.close()
            raise
        return Transfer(self, reader, writer)

    async def _ask_port(self) -> int:
        """EPSV (RFC 2428), else PASV, whose address is not trusted: behind a NAT it is wrong."""
        try:
            answer = await self.command("EPSV", "229")
        except Refused:
            answer = await self.command("PASV", "227")
            with understood():
                return int(self._client.parse_pasv_response(answer[-1])[1])
        with understood():
            return int(self._client.parse_epsv_response(answer[-1])[1])

    async def _connect_socket(self, port: int) -> socket.socket:
        peer = self._client.stream.writer.get_extra_info("peername")
        family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
        data_socket = socket.socket(family, socket.SOCK_STREAM)
        data_socket.setblocking(False)
        try:
            async with self.step("data connection", self.timeouts.connect):
                await asyncio.get_running_loop().sock_connect(data_socket, (peer[0], port, *peer[2:]))
        except BaseException:
            data_socket.close()
            raise
        return data_socket

    def _data_tls(self) -> dict[str, Any]:
        """TLS of the control connection for `asyncio.open_connection`: servers insist on its session."""
        if self._tls is None:
            return {}
        control = self._client.stream.writer.get_extra_info("ssl_object")
        bound = SSLSessionBoundContext(ssl.PROTOCOL_TLS_CLIENT, context=self._tls, session=control.session)
        return {"ssl": bound, "server_hostname": self._address.host}

    @contextlib.asynccontextmanager
    async def step(self, name: str, seconds: float) -> AsyncIterator[None]:
        """Bound one step in time, and turn what aioftp and sockets raise into our two errors."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except aioftp.StatusCodeError as error:
            code = str(error.received_codes[-1])
            self.usable = self.usable and code != _SHUTTING_DOWN
            raise Refused(code) from error
        except (aioftp.AIOFTPException, OSError, EOFError, ValueError, IndexError) as error:
            # ValueError and IndexError: an answer that aioftp cannot parse.
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
    """The bytes of one transfer."""

    def __init__(
        self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._connection = connection
        self._reader = reader
        self._writer = writer

    async def read(self, count: int = CHUNK) -> bytes:
        """At most `count` bytes; none at the end."""
        async with self._connection.step("read", self._connection.timeouts.progress):
            return await self._reader.read(count)

    async def read_line(self) -> str:
        """The next line of a listing, without its end; empty at the end."""
        async with self._connection.step("read", self._connection.timeouts.progress):
            return (await self._reader.readline()).decode("utf-8", "replace").strip("\r\n")

    async def write(self, data: bytes) -> None:
        """Hand `data` over; returns when the connection takes more, so memory stays flat."""
        async with self._connection.step("write", self._connection.timeouts.progress):
            self._writer.write(data)
            await self._writer.drain()

    def close(self) -> None:
        """End the data: the server sees the end of the file."""
        self._writer.close()

    async def wait_closed(self) -> None:
        """Until the connection is gone."""
        with contextlib.suppress(OSError):  # the server has confirmed: how it hangs up is its own affair
            await self._writer.wait_closed()

    def abort(self) -> None:
        """Cut the connection."""
        self._writer.transport.abort()
