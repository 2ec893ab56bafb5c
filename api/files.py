"""Sending a file: whole, or the range that was asked for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import anyio
from fastapi import Request, Response
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.responses import StreamingResponse

from api.etag import REVALIDATE, is_known, make_etag, not_modified
from api.problems import responses
from core.errors import BadByteRange, StorageUnavailable
from core.services.downloads import Download
from web.problems import language_of, problem

_RANGE = re.compile(r"bytes=[ \t]*(?:(\d+)-(\d*)|-(\d+))[ \t]*", re.IGNORECASE | re.ASCII)

_BEYOND = 10**18
"""Larger than any file; a longer number means the same and is not worth reading."""

BINARY: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    206: {
        "description": "The range that was asked for",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    **responses(304, 401, 403, 404, 416),
}
"""The `responses=` of a route that answers with `send`; its `response_class` is `StreamingResponse`."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file from `start` on, before `end`."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """The file does not reach as far as the range begins."""


def send(request: Request, file: Download) -> Response:
    """Answer `GET` or `HEAD` with `file`, minding Range, If-Range and If-None-Match.

    One range is served; a request for several is answered with the whole file, as section 14.2
    allows. Called from a plain `def` route: it opens the file. A route that takes HEAD, too, has
    `@router.head(path, include_in_schema=False)` above its `@router.get(path, …)`.

    Raises:
        NotFound, StorageUnavailable: the file cannot be opened.

    """
    headers = _headers(file)
    if "ETag" in headers and is_known(request, headers["ETag"]):
        return not_modified(headers)
    try:
        span = _asked_range(request, file, headers.get("ETag"))
    except Unsatisfiable:
        error = BadByteRange(size=file.size)
        sentence = error.sentence(language_of(request))
        return problem(416, type(error).__name__, sentence, {"Content-Range": f"bytes */{file.size}"})
    status = 200
    if span is not None:
        status = 206
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{file.size}"
    elif file.size is not None:
        span = Span(0, file.size)
    if span is not None:
        headers["Content-Length"] = str(span.end - span.start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type="application/octet-stream")
    pieces = file.open_at(span.start if span else 0)
    count = span.end - span.start if span else None
    return StreamingResponse(
        _cut(pieces, count), status, headers=headers, media_type="application/octet-stream"
    )


def parse_range(header: str, size: int) -> Span | None:
    """The range that `header` asks for of a file of `size` bytes; None when it is to be ignored.

    Ignored are other units, several ranges and what is no range at all (section 14.2).

    Raises:
        Unsatisfiable: it begins behind the end.

    """
    found = _RANGE.fullmatch(header.strip())
    if found is None:
        return None
    first, last, suffix = (_number(part) for part in found.groups())
    if suffix is not None:
        first, last = max(size - suffix, 0), size - 1
        if suffix == 0 or size == 0:
            raise Unsatisfiable
        return Span(first, size)
    if first is None or (last is not None and last < first):
        return None
    if first >= size:
        raise Unsatisfiable
    return Span(first, size if last is None else min(last + 1, size))


def _number(digits: str | None) -> int | None:
    if not digits:
        return None
    return int(digits) if len(digits) <= len(str(_BEYOND)) else _BEYOND


def _asked_range(request: Request, file: Download, etag: str | None) -> Span | None:
    asked = request.headers.get("range")
    if asked is None or file.size is None:
        return None
    unchanged = request.headers.get("if-range")
    if unchanged is not None and unchanged.strip() != etag:  # dates never match: files have no date here
        return None
    return parse_range(asked, file.size)


def _headers(file: Download) -> dict[str, str]:
    plain, exact = re.sub(r'[^\x20-\x7e]|["\\%]', "_", file.filename), quote(file.filename, safe="")
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": REVALIDATE,
        "Vary": "Authorization",
    }
    if file.size is not None:
        headers["Accept-Ranges"] = "bytes"
    if file.fingerprint:
        headers["ETag"] = make_etag(file.fingerprint)
    return headers


async def _cut(pieces: Generator[bytes, None, None], count: int | None) -> AsyncIterator[bytes]:
    """The first `count` bytes of `pieces`, or all of them; the file is closed in any case.

    Raises:
        StorageUnavailable: they end early; the connection is cut, so that the reader notices.

    """
    left = count
    try:
        async for piece in iterate_in_threadpool(pieces):
            yield piece if left is None else piece[:left]
            if left is not None:
                left -= len(piece)
                if left <= 0:
                    return
        if left:
            raise StorageUnavailable(reason="the file is shorter than it was")
    finally:
        with anyio.CancelScope(shield=True):  # the reader may have gone, the file server has not
            await run_in_threadpool(pieces.close)
