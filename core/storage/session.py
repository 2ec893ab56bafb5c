"""One kept connection to the storage, for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

from core.errors import StorageUnavailable
from core.storage import operations
from core.storage.address import FtpAddress, check_path
from core.storage.connection import CHUNK, Connection, Refused, Timeouts
from core.storage.listing import StoredFile

logger = logging.getLogger(__name__)

T = TypeVar("T")

_TRUSTED_SECONDS = 5.0
"""A connection that rested longer is tried out before it is used: servers drop idle ones."""


class Session:
    """One kept connection, for many files in a row. Not for two threads at once.

    Paths are absolute, as `path` makes them. Every method raises `StorageUnavailable` when the
    server does not answer in time or refuses, and `BadName` for a path that cannot be ours.
    """

    def __init__(self, address: FtpAddress, timeouts: Timeouts) -> None:
        self._address = address
        self._timeouts = timeouts
        self._runner = asyncio.Runner()
        self._connections: dict[str, Connection] = {}
        self._last_used = 0.0
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def path(self, *parts: str) -> str:
        """The absolute path of `parts` below the base folder."""
        return self._address.path(*parts)

    def upload(self, path: str, source: BinaryIO) -> int:
        """Store what `source` holds from where it stands; bytes stored. Whole or not at all."""
        return self._run(self._store(check_path(path), operations.read_source(source)))

    def copy(self, source: str, target: str) -> int:
        """Store the file `source` as `target`, too; bytes stored. Whole or not at all.

        Raises:
            NotFound: there is no `source`.

        """
        return self._run(self._copy(check_path(source), check_path(target)))

    def download_to(self, path: str, target: BinaryIO) -> int:
        """Write the file to `target`; bytes written. After an error `target` may hold a part.

        Raises:
            NotFound: there is no such file.

        """
        return self._run(self._download(check_path(path), target))

    def stream(self, path: str, offset: int = 0, chunk: int = CHUNK) -> Generator[bytes, None, None]:
        """The bytes of the file from `offset` on, in pieces of at most `chunk`.

        The file is open when this returns. Ended early (`close`), the connection is cut; another
        operation of this session before its end cuts it, too.

        Raises:
            NotFound: there is no such file.

        """
        connection = self._run(self._connected())
        pieces = self._iterate(operations.read_from(connection, check_path(path), offset, chunk))
        next(pieces)
        return pieces

    def size(self, path: str) -> int | None:
        """Bytes of the file, None when there is no such file."""
        return self._run(self._size(check_path(path)))

    def delete(self, path: str) -> None:
        """Delete the file; it may be gone already."""
        self._run(self._delete(check_path(path)))

    def list_files(self, folder: str) -> Iterator[StoredFile]:
        """The files in `folder` and below, half-written ones (`….part`) included.

        Nothing when there is no such folder. What comes or goes meanwhile may be seen or not.
        """
        waiting = [check_path(folder).rstrip("/")]
        while waiting:
            files, folders = self._run(self._list(waiting.pop()))
            waiting += folders
            yield from files

    def check(self) -> None:
        """Whether the server lets us in and has the base folder, which is made if missing."""
        self._run(self._check())

    def close(self) -> None:
        """Hang up; the session is not used any more."""

        def close() -> None:
            self._is_closed = True
            self._runner.run(self._hang_up())
            self._runner.close()

        _outside_of_loops(close)

    def _run(self, work: Coroutine[Any, Any, T], *, for_a_piece: bool = False) -> T:
        try:
            if for_a_piece:
                # Runner.run minds Ctrl-C each time, and in doing so writes out (repr) the last piece.
                return self._runner.get_loop().run_until_complete(work)
            return self._runner.run(work)
        except Refused as refused:
            raise StorageUnavailable(reason=f"refused with {refused.code}") from refused
        finally:
            self._last_used = time.monotonic()

    def _iterate(self, pieces: AsyncGenerator[bytes, None]) -> Generator[bytes]:
        async def take() -> bytes | None:
            return await anext(pieces, None)

        async def end() -> None:
            await pieces.aclose()

        try:
            while (piece := self._run(take(), for_a_piece=True)) is not None:
                yield piece
        finally:
            if not self._is_closed:  # `close` ended the stream, too
                _outside_of_loops(lambda: self._runner.run(end()))

    async def _connected(self, use: str = "main") -> Connection:
        connection = self._connections.get(use)
        if connection is None or not await self._is_alive(connection):
            if connection is not None:
                connection.abort()
            connection = Connection(self._address, self._timeouts)
            await connection.open()
            self._connections[use] = connection
        return connection

    async def _is_alive(self, connection: Connection) -> bool:
        if not connection.usable or time.monotonic() - self._last_used < _TRUSTED_SECONDS:
            return connection.usable
        try:
            await connection.command("NOOP", "2xx")
        except (Refused, StorageUnavailable):
            connection.abort()
        return connection.usable

    async def _store(self, path: str, chunks: AsyncGenerator[bytes, None]) -> int:
        """By a temporary name beside `path`, so that nobody ever sees half of a file there."""
        temporary = f"{path}.{secrets.token_hex(8)}.part"
        connection = await self._connected()
        try:
            count = await operations.store(connection, temporary, chunks)
            await operations.rename(connection, temporary, path)
        except BaseException:
            await self._discard(temporary)
            raise
        return count

    async def _discard(self, path: str) -> None:
        try:
            await operations.delete(await self._connected(), path)
        except (Refused, StorageUnavailable):
            logger.warning("Left behind on the file server: %s", path)

    async def _copy(self, source: str, target: str) -> int:
        """By two connections: FTP has no copy."""
        reading = await self._connected("source")
        return await self._store(target, await operations.open_whole(reading, source))

    async def _download(self, path: str, target: BinaryIO) -> int:
        count = 0
        async with aclosing(await operations.open_whole(await self._connected(), path)) as chunks:
            async for chunk in chunks:
                count += target.write(chunk)
        return count

    async def _size(self, path: str) -> int | None:
        return await operations.find_size(await self._connected(), path)

    async def _delete(self, path: str) -> None:
        await operations.delete(await self._connected(), path)

    async def _list(self, folder: str) -> tuple[list[StoredFile], list[str]]:
        connection = await self._connected()
        files, folders = [], []
        for item in await operations.list_folder(connection, folder or "/"):
            path = f"{folder}/{item.name}"
            if item.is_folder:
                folders.append(path)
            else:
                modified = await operations.read_modified(connection, path, item)
                files.append(StoredFile(path, item.size, modified))
        return files, folders

    async def _check(self) -> None:
        await operations.check_folder(await self._connected(), self._address.base or "/")

    async def _hang_up(self) -> None:
        for connection in self._connections.values():
            await connection.close()


def _outside_of_loops(function: Callable[[], None]) -> None:
    """Call `function`, in another thread if an event loop runs in this one.

    A stream that was dropped half-way is ended by the garbage collector, wherever that happens.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        function()
    else:
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(function).result()
