"""What is done on a connection: the protocol's small steps put together to whole operations."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime
from typing import BinaryIO

from core.errors import NotFound, StorageUnavailable
from core.storage.connection import CHUNK, Connection, Refused, Transfer
from core.storage.listing import Item, parse_list, parse_mlsx, parse_time

_ABSENT = "550"
_NO_SUCH_FOLDER = ("550", "553")
_UNKNOWN_COMMAND = ("500", "501", "502", "503", "504")


async def find_size(connection: Connection, path: str) -> int | None:
    """Bytes of the file `path`; None when there is none, not even one that was set aside."""
    size = await read_size(connection, path)
    if size is None and await _restore(connection, path):
        return await read_size(connection, path)
    return size


async def read_size(connection: Connection, path: str) -> int | None:
    """Bytes of what has exactly the name `path`; None when nothing has."""
    try:
        if "SIZE" in connection.features:
            answer = await connection.command(f"SIZE {path}", "213")
            with connection.understood("answer"):
                return int(answer[-1])
        answer = await connection.command(f"MLST {path}", "250")
        with connection.understood("answer"):
            item = parse_mlsx(answer[1], datetime.now(UTC))
    except Refused as refused:
        if refused.code == _ABSENT:
            return None
        if refused.code not in _UNKNOWN_COMMAND:
            raise
        folder, _, name = path.rpartition("/")
        items = await list_folder(connection, folder or "/")
        item = next((item for item in items if item.name == name), None)
    return None if item is None or item.is_folder else item.size


async def store(connection: Connection, path: str, chunks: AsyncGenerator[bytes, None]) -> int:
    """Write `chunks` to `path`, in folders that are made if missing; the number of bytes.

    Raises:
        StorageUnavailable: what arrived is shorter: a cut upload is confirmed like a whole one.

    """
    count = 0
    async with contextlib.aclosing(chunks), contextlib.AsyncExitStack() as stack:
        try:
            data = await stack.enter_async_context(connection.transfer(f"STOR {path}"))
        except Refused as refused:
            if refused.code not in _NO_SUCH_FOLDER:
                raise
            await make_folders(connection, path.rpartition("/")[0])
            data = await stack.enter_async_context(connection.transfer(f"STOR {path}"))
        async for chunk in chunks:
            data.write(chunk)
            count += len(chunk)
    if await read_size(connection, path) != count:
        raise StorageUnavailable(reason="fewer bytes arrived than were sent")
    return count


async def make_folders(connection: Connection, folder: str) -> None:
    """Make `folder` and those above it. A refusal is no news: most of them exist."""
    made = ""
    for part in folder.strip("/").split("/"):
        made += f"/{part}"
        with contextlib.suppress(Refused):
            await connection.command(f"MKD {made}", "257")


async def rename(connection: Connection, source: str, target: str) -> None:
    """Rename the file `source`, over `target` if there is one.

    Some servers refuse that (ProFTPD by default, aioftp's as it comes): there the old one is set
    aside first. If the rest never comes, the next one to ask for `target` gives it its name back.
    """
    try:
        await _rename(connection, source, target)
    except Refused:
        aside = _aside(target)
        await delete(connection, aside)
        await _rename(connection, target, aside)
        try:
            await _rename(connection, source, target)
        except Refused:
            await _restore(connection, target)
            raise
        await delete(connection, aside)


def _aside(path: str) -> str:
    return f"{path}.before.part"


async def _restore(connection: Connection, path: str) -> bool:
    """Give the file that was set aside its name `path` back; False when there is none."""
    try:
        await _rename(connection, _aside(path), path)
    except Refused:
        return False
    return True


async def _rename(connection: Connection, source: str, target: str) -> None:
    await connection.command(f"RNFR {source}", "350")
    await connection.command(f"RNTO {target}", "2xx")


async def delete(connection: Connection, path: str) -> None:
    """Delete the file `path`; it may be gone already."""
    try:
        await connection.command(f"DELE {path}", "2xx")
    except Refused:
        if await read_size(connection, path) is not None:
            raise


@contextlib.asynccontextmanager
async def retrieve(connection: Connection, path: str, *, offset: int = 0) -> AsyncIterator[Transfer]:
    """The bytes of the file `path` from `offset` on.

    Raises:
        NotFound: there is no such file, not even one that was set aside.

    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            data = await stack.enter_async_context(connection.transfer(f"RETR {path}", offset=offset))
        except Refused as refused:
            if refused.code != _ABSENT:
                raise
            if not await _restore(connection, path):
                raise NotFound(what="file") from refused
            data = await stack.enter_async_context(connection.transfer(f"RETR {path}", offset=offset))
        yield data


async def open_whole(connection: Connection, path: str) -> AsyncGenerator[bytes, None]:
    """The chunks of the file `path`, all of them.

    Raises:
        NotFound: there is no such file: at once.
        StorageUnavailable: it ends early, while it is read: some servers confirm that, too.

    """
    expected = await find_size(connection, path)
    if expected is None:
        raise NotFound(what="file")
    return _read_whole(connection, path, expected)


async def _read_whole(connection: Connection, path: str, expected: int) -> AsyncGenerator[bytes, None]:
    count = 0
    async with retrieve(connection, path) as data:
        while chunk := data.read():
            count += len(chunk)
            yield chunk
    if count != expected:
        raise StorageUnavailable(reason="fewer bytes arrived than the file has")


async def read_from(
    connection: Connection, path: str, offset: int, chunk: int
) -> AsyncGenerator[bytes, None]:
    """An empty piece once the file `path` is open, then its pieces from `offset` on.

    Raises:
        NotFound: there is no such file.

    """
    async with retrieve(connection, path, offset=offset) as data:
        yield b""
        while piece := data.read(chunk):
            yield piece


async def read_source(source: BinaryIO) -> AsyncGenerator[bytes, None]:
    """The chunks of a local file."""
    while chunk := source.read(CHUNK):
        yield chunk


async def list_folder(connection: Connection, folder: str) -> list[Item]:
    """Files and folders in `folder`; none when there is no such folder."""
    if _may_have_mlsd(connection):
        try:
            return await _list(connection, f"MLSD {folder}", parse_mlsx)
        except Refused as refused:
            if refused.code not in _UNKNOWN_COMMAND:
                raise
    return await _list(connection, f"LIST {folder}", parse_list)


def _may_have_mlsd(connection: Connection) -> bool:
    """MLST stands for both in FEAT (RFC 3659, section 7.8); aioftp's own server has no FEAT at all."""
    return "MLST" in connection.features or not connection.features


async def _list(
    connection: Connection, command: str, parse: Callable[[str, datetime], Item | None]
) -> list[Item]:
    answer = b""
    try:
        async with connection.transfer(command) as data:
            while chunk := data.read():
                answer += chunk
    except Refused as refused:
        if refused.code != _ABSENT:
            raise
    now = datetime.now(UTC)
    with connection.understood("answer"):
        items = [parse(line, now) for line in answer.decode("utf-8", "replace").splitlines()]
    return [item for item in items if item is not None]


async def read_modified(connection: Connection, path: str, item: Item) -> datetime:
    """When the file was last written, as exactly as the server can tell: UTC is sure but in LIST."""
    if not _may_have_mlsd(connection) and "MDTM" in connection.features:
        answer = await connection.command(f"MDTM {path}", "213")
        with connection.understood("answer"):
            return parse_time(answer[-1])
    return item.modified


async def check_folder(connection: Connection, folder: str) -> None:
    """Whether `folder` can be entered; it is made if missing.

    Raises:
        Refused: it cannot.

    """
    try:
        await connection.command(f"CWD {folder}", "2xx")
    except Refused:
        await make_folders(connection, folder)
        await connection.command(f"CWD {folder}", "2xx")
