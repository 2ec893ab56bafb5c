"""The files of the project on an FTP server."""

from __future__ import annotations

import io
import secrets
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from typing import BinaryIO

from core.config import Settings
from core.errors import Unavailable
from core.now_and_then import NowAndThen
from core.storage.address import FtpAddress
from core.storage.connection import CHUNK, Timeouts
from core.storage.listing import StoredFile
from core.storage.session import Session

_CHECK_BYTES = 4096


def open_storage(settings: Settings) -> Storage:
    """The storage that `settings.ftp_url` names. Nothing is connected to yet.

    Raises:
        ValueError: the URL is not one of an FTP server.

    """
    return Storage(FtpAddress.from_url(settings.ftp_url.get_secret_value()))


class Storage:
    """The operations of `Session`, each over a connection of its own: for any number of threads.

    Called from plain functions, never from a coroutine, which would stand still meanwhile.
    """

    def __init__(self, address: FtpAddress, timeouts: Timeouts | None = None) -> None:
        self._address = address
        self._timeouts = timeouts or Timeouts()
        self._check_writing = NowAndThen(self._try_to_write)

    def session(self) -> Session:
        """A kept connection, for many files in a row (a sign-in costs more than a small file)."""
        return Session(self._address, self._timeouts)

    def path(self, *parts: str) -> str:
        """As `Session.path`."""
        return self._address.path(*parts)

    def upload(self, path: str, source: BinaryIO) -> int:
        """As `Session.upload`."""
        with self.session() as session:
            return session.upload(path, source)

    def copy(self, source: str, target: str) -> int:
        """As `Session.copy`."""
        with self.session() as session:
            return session.copy(source, target)

    def download_to(self, path: str, target: BinaryIO) -> int:
        """As `Session.download_to`."""
        with self.session() as session:
            return session.download_to(path, target)

    def stream(self, path: str, offset: int = 0, chunk: int = CHUNK) -> Generator[bytes, None, None]:
        """As `Session.stream`; ended early (`close`), or dropped, it hangs up."""
        pieces = self._stream(path, offset, chunk)
        next(pieces)
        return pieces

    def _stream(self, path: str, offset: int, chunk: int) -> Generator[bytes, None, None]:
        with self.session() as session, closing(session.stream(path, offset, chunk)) as pieces:
            yield b""  # the file is open: `stream` takes this one
            yield from pieces

    def size(self, path: str) -> int | None:
        """As `Session.size`."""
        with self.session() as session:
            return session.size(path)

    def delete(self, path: str) -> None:
        """As `Session.delete`."""
        with self.session() as session:
            session.delete(path)

    def list_files(self, folder: str) -> Iterator[StoredFile]:
        """As `Session.list_files`."""
        with self.session() as session:
            yield from session.list_files(folder)

    def check(self) -> None:
        """As `Session.check`; now and then it also writes a file and removes it.

        Raises:
            StorageUnavailable: the server does not answer, or takes no files.

        """
        with self.session() as session:
            session.check()
        self._check_writing()

    def _try_to_write(self) -> None:
        path = self.path(f"write-check-{secrets.token_hex(8)}")
        with self.session() as session:
            try:
                session.upload(path, io.BytesIO(bytes(_CHECK_BYTES)))
            finally:
                with suppress(Unavailable):  # what came first is what is told
                    session.delete(path)
