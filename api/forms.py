"""Reading a request that carries files: to disk as they come, within their limit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from core.errors import BrokenForm, Required, TooLarge
from web.body_limit import count_for_itself

TEXT_LIMIT = 1_000_000
"""Bytes of the text of a request."""

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class TextAndFiles:
    """The text field of a form and the files beside it."""

    text: bytes
    files: tuple[UploadFile, ...]


def is_form(request: Request) -> bool:
    """Whether the request says that it is a form with files."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


@asynccontextmanager
async def read_form(
    request: Request, *, text_field: str, file_field: str, limit_mb: int, most_files: int
) -> AsyncIterator[TextAndFiles]:
    """The text `text_field` (as a field or as a file) and the files `file_field`.

    `limit_mb`: of each file, in MB. The files are gone after the block.

    Raises:
        BrokenForm: it did not arrive whole, or holds more than this.
        Required: there is no text.
        TooLarge: a file, noticed while it is read.

    """
    count_for_itself(request)
    try:
        form = await _Form(request, limit_mb, most_files + 1).parse()
    except (MultiPartException, ClientDisconnect) as error:
        raise BrokenForm(field=text_field) from error
    try:
        text = form.get(text_field)
        if isinstance(text, UploadFile):
            text = (await text.read(TEXT_LIMIT)).decode("utf-8", "replace")
        if not text:
            raise Required(field=text_field)
        found = form.getlist(file_field)
        yield TextAndFiles(text.encode(), tuple(file for file in found if isinstance(file, UploadFile)))
    finally:
        await form.close()


class _Form(MultiPartParser):
    """Each file is written to disk as it comes and counted. One that ends early leaves none open."""

    def __init__(self, request: Request, limit_mb: int, most_files: int) -> None:
        super().__init__(
            request.headers,
            self._read(request),
            max_files=most_files,
            max_fields=20,
            max_part_size=TEXT_LIMIT,
        )
        self._limit_mb = limit_mb
        self._count = 0
        self._is_whole = False

    def on_part_begin(self) -> None:
        """Another field or file."""
        super().on_part_begin()
        self._count = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """A piece of it."""
        self._count += end - start
        if self._count > self._limit_mb * MB:
            raise TooLarge(limit_mb=self._limit_mb)
        super().on_part_data(data, start, end)

    def on_end(self) -> None:
        """The last boundary was there."""
        self._is_whole = True

    async def _read(self, request: Request) -> AsyncGenerator[bytes, None]:
        async for chunk in request.stream():
            yield chunk
        if not self._is_whole:
            raise MultiPartException("the form ends before its last boundary")
