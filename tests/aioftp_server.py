"""aioftp's own server as a program, with disks that are out of order.

Arguments: folder, port, user, password, name of a disk, idle time-out in seconds (0: none).
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from pathlib import Path
from typing import Any

import aioftp


class CuttingDisk(aioftp.PathIO):
    """Keeps the first kilobyte of each write and says that all is well."""

    async def write(self, file: Any, block: Any) -> int:
        await super().write(file, block[:1024])
        return len(bytes(block))


class FullDisk(aioftp.PathIO):
    """Has room for the name of a file and for none of its bytes."""

    async def write(self, *_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


class FrozenDisk(aioftp.PathIO):
    """Takes the first bytes and never comes back."""

    async def write(self, *_: object) -> int:
        await asyncio.Event().wait()
        return 0


class ForgetfulDisk(aioftp.PathIO):
    """Gives back the first kilobyte of a file and says that this is all."""

    async def read(self, file: Any, block_size: int = -1) -> bytes:
        block: bytes = await super().read(file, block_size)
        return block[:1024] if file.tell() <= block_size else b""


class FatalDisk(aioftp.PathIO):
    """The machine goes down when a file is to get a name that another one has just given up."""

    async def rename(self, source: Path, destination: Path) -> Path:
        if list(destination.parent.glob(f"{destination.name}.before.*")):
            os._exit(1)
        return await super().rename(source, destination)


DISKS = {
    "sound": aioftp.PathIO,
    "cutting": CuttingDisk,
    "full": FullDisk,
    "frozen": FrozenDisk,
    "forgetful": ForgetfulDisk,
    "fatal": FatalDisk,
}


async def serve(folder: str, port: str, user: str, password: str, *faults: str) -> None:
    disk, idle_timeout = faults
    server = aioftp.Server(
        [aioftp.User(user, password, base_path=Path(folder))],
        path_io_factory=DISKS[disk],
        idle_timeout=float(idle_timeout) or None,
        block_size=1 << 18,
    )
    await server.run("127.0.0.1", int(port))


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
