"""ETags (RFC 9110, sections 8.8.3 and 13): who has it already is told so instead of sent it again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.responses import StreamingResponse

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')

REVALIDATE = "private, no-cache"
"""Kept by the one browser that asked, and never used without asking again."""

_KEPT_WITH_304 = frozenset({"etag", "cache-control", "vary", "content-location", "date", "expires"})


class EtagRoute(APIRoute):
    """Gives each `GET` answer a strong ETag, and answers 304 to `If-None-Match`.

    Use: `APIRouter(route_class=EtagRoute)`. It spares the network, not the work: the answer is made
    to be compared. Streams are left alone; `api.files` gives them the ETag of their content.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler, with the comparison after it."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            response = await answer(request)
            if request.method not in {"GET", "HEAD"} or isinstance(response, StreamingResponse):
                return response
            return tag(request, response)

        return handler


def tag(request: Request, response: Response) -> Response:
    """`response` with its ETag, or 304 when `request` says that the caller has it."""
    if response.status_code != 200 or "etag" in response.headers:  # noqa: PLR2004  only what is whole
        return response
    etag = make_etag(hashlib.sha256(response.body).hexdigest())
    response.headers["ETag"] = etag
    response.headers.setdefault("Cache-Control", REVALIDATE)
    response.headers.setdefault("Vary", "Authorization, Accept-Language")
    if is_known(request, etag):
        return not_modified(response.headers)
    return response


def make_etag(fingerprint: str) -> str:
    """A strong ETag of a fingerprint (hexadecimal) of the content."""
    return f'"{fingerprint[:32]}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names `etag`; compared weakly, as section 13.1.2 says."""
    asked = request.headers.get("if-none-match")
    return asked is not None and (asked.strip() == "*" or etag in _TAG.findall(asked))


def not_modified(headers: Mapping[str, str]) -> Response:
    """304 with those of `headers` that the whole answer would have carried (section 15.4.5)."""
    kept = {name: value for name, value in headers.items() if name.lower() in _KEPT_WITH_304}
    return Response(status_code=304, headers=kept)
