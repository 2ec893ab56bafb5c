"""A TCP proxy between the project and one of its servers: slow, broken half-way, or closed."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from types import TracebackType
from typing import Self

_CHUNK = 16_384
_EXTENDED = re.compile(rb"^229 .*\(\|\|\|(\d+)\|\)")
_PASSIVE = re.compile(rb"^227 .*\((\d+,\d+,\d+,\d+),(\d+),(\d+)\)")


class Proxy:
    """Forward connections to `port` of this machine; use as a context manager.

    With `is_ftp` the answers to PASV and EPSV are changed, so that file transfers take the same way.
    """

    def __init__(self, port: int, *, is_ftp: bool = False) -> None:
        self.port = 0
        self._upstream = port
        self._is_ftp = is_ftp
        self._delay = 0.0
        self._allowed: int | None = None
        self._is_refusing = False
        self._loses_answers = False
        self._open: set[asyncio.StreamWriter] = set()
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def slow(self, seconds: float) -> None:
        """Hold up each piece of data for `seconds`."""
        self._delay = seconds

    def cut(self, after: int) -> None:
        """Break each connection once `after` more bytes have passed in one direction."""
        self._allowed = after

    def lose_answers(self) -> None:
        """Break each connection when the server answers: it has got the request, the client no answer."""
        self._loses_answers = True

    def refuse(self) -> None:
        """Break every connection and every new one at once."""
        self._is_refusing = True
        self._loop.call_soon_threadsafe(self._break_all)

    def heal(self) -> None:
        """Forward as if nothing had happened."""
        self._delay, self._allowed, self._is_refusing, self._loses_answers = 0.0, None, False, False

    def _break_all(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _start(self) -> None:
        server = await asyncio.start_server(
            lambda reader, writer: self._forward(reader, writer, self._upstream, is_ftp=self._is_ftp),
            "127.0.0.1",
            0,
        )
        self._servers.append(server)
        self.port = server.sockets[0].getsockname()[1]

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, *, is_ftp: bool
    ) -> None:
        if self._is_refusing:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            self._open.discard(writer)
            return
        self._open.add(back)
        try:
            await asyncio.gather(
                self._pump(reader, back, is_control=False, is_answer=False),
                self._pump(there, writer, is_control=is_ftp, is_answer=True),
            )
        except OSError:
            for one in (writer, back):
                one.transport.abort()
        finally:
            for one in (writer, back):
                self._open.discard(one)
                one.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_control: bool, is_answer: bool
    ) -> None:
        passed_since_cut = 0
        while data := await (reader.readline() if is_control else reader.read(_CHUNK)):
            if is_answer and self._loses_answers:
                raise ConnectionAbortedError
            if is_control:
                data = await self._lead_through_here(data)
            if self._delay:
                await asyncio.sleep(self._delay)
            if self._allowed is not None:
                rest = self._allowed - passed_since_cut
                passed_since_cut += len(data)
                if len(data) >= rest:
                    writer.write(data[: max(rest, 0)])
                    with contextlib.suppress(OSError):
                        await writer.drain()
                    raise ConnectionAbortedError
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _lead_through_here(self, line: bytes) -> bytes:
        """Return the line with a port of ours in place of the server's data port."""
        if found := _EXTENDED.match(line):
            port = await self._open_data_port(int(found[1]))
            return line[: found.start(1)] + str(port).encode() + line[found.end(1) :]
        if found := _PASSIVE.match(line):
            port = await self._open_data_port(int(found[2]) * 256 + int(found[3]))
            return line[: found.start(2)] + b"%d,%d" % divmod(port, 256) + line[found.end(3) :]
        return line

    async def _open_data_port(self, upstream: int) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server.close()
            await self._forward(reader, writer, upstream, is_ftp=False)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async def end() -> None:
            for server in self._servers:
                server.close()
            self._break_all()
            if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(tasks, timeout=5)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
