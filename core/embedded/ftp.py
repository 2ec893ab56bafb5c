"""The embedded FTP server: aioftp's own, with what it lacks."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import aioftp

USER = "ulos"
BASE = "/ulos"
"""Path of the URL: the absolute folder under which everything of ours lies."""

BLOCK = 262_144
"""Bytes a block; aioftp's 8 KiB cost a third of the speed and three times the CPU."""


logger = logging.getLogger(__name__)

_OF_THE_CLIENT = (ConnectionError, TimeoutError, UnicodeDecodeError, asyncio.LimitOverrunError)
"""A client that hangs up, or says what is no FTP: its connection ends, and that is all."""


def _is_of_the_client(error: BaseException | None) -> bool:
    """Whether `error` is the client's doing. A line without an end reaches us as a ValueError."""
    if isinstance(error, ValueError) and isinstance(error.__context__, asyncio.LimitOverrunError):
        return True
    return isinstance(error, _OF_THE_CLIENT)


def _without_hang_ups(record: logging.LogRecord) -> bool:
    """Filter of aioftp's log, which has a traceback for each of them."""
    error = record.exc_info[1] if record.exc_info else None
    if not _is_of_the_client(error):
        return True
    logger.info("a client hung up: %r", error)
    return False


def _on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle what no task of the event loop has taken: hang-ups again."""
    if not _is_of_the_client(context.get("exception")):
        loop.default_exception_handler(context)


class PathIO(aioftp.AsyncPathIO):
    """Closes a file at once instead of in a thread.

    A reader that hangs up half-way cancels what waits for a thread, and the file would stay open.
    """

    async def close(self, file: io.BytesIO) -> None:
        """Close `file`."""
        file.close()


class FtpServer(aioftp.Server):
    """Adds SIZE, and lets a rename replace a file as other servers do."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.commands_mapping["size"] = self.size

    @aioftp.ConnectionConditions(
        aioftp.ConnectionConditions.login_required, aioftp.ConnectionConditions.rename_from_required
    )
    @aioftp.PathPermissions(aioftp.PathPermissions.writable)
    async def rnto(self: aioftp.Server, connection: aioftp.Connection, rest: str | PurePosixPath, /) -> bool:
        """Give the file of the RNFR before this its new name, in one step that no kill can halve."""
        real_path, _ = self.get_paths(connection, rest)
        source = connection.rename_from
        del connection.rename_from
        await connection.path_io.rename(source, real_path)
        connection.response("250", "renamed")
        return True

    @aioftp.ConnectionConditions(aioftp.ConnectionConditions.login_required)
    @aioftp.PathPermissions(aioftp.PathPermissions.readable)
    async def size(self: aioftp.Server, connection: aioftp.Connection, rest: str | PurePosixPath, /) -> bool:
        """Answer the bytes of a file (RFC 3659, section 4)."""
        real_path, _ = self.get_paths(connection, rest)
        if await connection.path_io.is_file(real_path):
            stats = await connection.path_io.stat(real_path)
            connection.response("213", str(stats.st_size))
        else:
            connection.response("550", "no such file")
        return True


def make_server(folder: Path, password: str) -> FtpServer:
    """A server of `folder` for its one user."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BASE.lstrip("/")).mkdir(exist_ok=True)
    logging.getLogger("aioftp.server").addFilter(_without_hang_ups)
    user = aioftp.User(USER, password, base_path=folder.resolve(), home_path="/")
    return FtpServer([user], path_io_factory=PathIO, block_size=BLOCK)


async def serve(folder: Path, port: int, password: str) -> None:
    """Serve until cancelled."""
    asyncio.get_running_loop().set_exception_handler(_on_loop_error)
    await make_server(folder, password).run("127.0.0.1", port)


class EmbeddedFtp:
    """A server in a thread, for tests: runs inside the `with` block."""

    def __init__(self, folder: Path, *, port: int = 0, password: str = "ulos") -> None:  # noqa: S107
        self._folder = folder
        self._port = port
        self._password = password
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ftp", daemon=True)
        self._server = make_server(folder, password)

    @property
    def url(self) -> str:
        """Address for `ULOS_FTP_URL`."""
        return f"ftp://{USER}:{self._password}@127.0.0.1:{self._port}{BASE}"

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start("127.0.0.1", self._port), self._loop).result(10)
        self._port = self._server.server_port

    def stop(self) -> None:
        """Close every connection and end the thread."""
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
