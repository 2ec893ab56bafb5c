"""`POST /uploads/{assignment}` and `/uploads/dry-run/{definition}`: the body is the archive.

Answers the receipt or what is wrong. `/uploads/kept` keeps any file for the page that asked for it.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from typing import IO
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.context import Actor, Context
from core.errors import NoSpace, NotSignedIn, Required, TooLarge, UlosError
from core.services import accounts, dry_runs, submissions, uploads
from core.services.accounts import SignedIn
from core.services.submissions import Receipt
from dashboard import answers, process
from dashboard.uploads.kept import KEPT, KeptFile
from web.body_limit import count_for_itself
from web.problems import problem_of
from web.upload_slots import UploadSlots

BLOCK = 1 << 20
"""Bytes that are gathered before they go to disk."""

AT_ONCE = 8
"""Submissions that are checked and stored at once; more would take the threads of all other requests."""

Submit = Callable[..., Receipt]
"""The use case that keeps an archive: context, actor, the number of the address, the file."""

Check = Callable[[Context, Actor, int, str | None], None]
"""Refuses, before the body is read, what `Submit` would refuse whatever the archive is."""

Accept = Callable[[Request, Context, SignedIn], Awaitable[dict[str, object]]]
"""What becomes of the body: what the browser is told then."""

_KEY = re.compile(r"[A-Za-z0-9_.-]{16,128}")


def routes(context: Callable[[], Context]) -> list[Route]:
    """The routes, for the context that `context` gives."""
    gate = asyncio.Semaphore(AT_ONCE)
    slots = UploadSlots()

    async def receive(request: Request, accept: Accept) -> Response:
        token = request.cookies.get(process.SESSION_COOKIE, "")
        language: str = context().settings.language
        try:
            answers.check_origin(request)
            signed_in = await run_in_threadpool(accounts.find_session, context(), token)
            if signed_in is None:
                raise NotSignedIn
            language = signed_in.person.language or language
            count_for_itself(request)
            async with slots.hold(signed_in.person.id):
                return JSONResponse(await accept(request, context(), signed_in), 201)
        except UlosError as error:
            return problem_of(error, language)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    async def submission(request: Request) -> Response:
        return await receive(
            request, partial(_accept, gate, submissions.check_may_submit, submissions.submit)
        )

    async def sample(request: Request) -> Response:
        return await receive(request, partial(_accept, gate, dry_runs.check_may_start, dry_runs.start))

    async def kept(request: Request) -> Response:
        return await receive(request, _keep_for_page)

    return [
        Route("/uploads/{number:int}", submission, methods=["POST"]),
        Route("/uploads/dry-run/{number:int}", sample, methods=["POST"]),
        Route("/uploads/kept", kept, methods=["POST"]),
    ]


async def _accept(  # noqa: PLR0917  the first three are bound once for each route
    gate: asyncio.Semaphore,
    check: Check,
    submit: Submit,
    request: Request,
    ctx: Context,
    signed_in: SignedIn,
) -> dict[str, object]:
    """Keep the body in a file without a name, so that nothing is left whatever happens, and submit it."""
    submit_key = request.headers.get("x-submit-key", "")
    if not _KEY.fullmatch(submit_key):
        raise Required(field="X-Submit-Key")
    actor, number = signed_in.person.actor, request.path_params["number"]
    await run_in_threadpool(check, ctx, actor, number, submit_key)
    _check_length(request, ctx)
    try:
        with tempfile.TemporaryFile() as file:
            await _keep(request, ctx, file)
            keep = partial(
                submit,
                ctx,
                actor,
                number,
                file,
                file_name=_file_name(request),
                submit_key=submit_key,
            )
            async with gate:
                receipt = await run_in_threadpool(keep)
    except OSError as error:  # of the temporary file: storage has errors of its own
        raise NoSpace from error
    return {
        "task_id": receipt.task_id,
        "reference": receipt.reference,
        "file_name": receipt.file_name,
        "size": receipt.size,
        "sha256": receipt.sha256,
        "received_at": receipt.received_at.isoformat(),
    }


async def _keep_for_page(request: Request, ctx: Context, signed_in: SignedIn) -> dict[str, object]:
    """Keep the body until the page takes it over; what it may be used for is the use case's to say."""
    await run_in_threadpool(uploads.check_may_keep, ctx, signed_in.person.actor)
    _check_length(request, ctx)
    try:
        kept = KeptFile(_file_name(request))
        kept.size = await _keep(request, ctx, kept.file)
    except OSError as error:
        raise NoSpace from error
    kept.file.seek(0)
    return {"token": KEPT.put(signed_in.person.id, kept), "file_name": kept.name}


def _file_name(request: Request) -> str:
    return unquote(request.headers.get("x-file-name", ""))


def _check_length(request: Request, ctx: Context) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > ctx.settings.max_upload_bytes:
        raise TooLarge(limit_mb=ctx.settings.max_upload_mb)


async def _keep(request: Request, ctx: Context, file: IO[bytes]) -> int:
    """Write the body to `file` as it comes; how many bytes.

    Raises:
        TooLarge: noticed while reading; the rest is not waited for.

    """
    size, block = 0, bytearray()
    async for piece in request.stream():
        size += len(piece)
        if size > ctx.settings.max_upload_bytes:
            raise TooLarge(limit_mb=ctx.settings.max_upload_mb)
        block += piece
        if len(block) >= BLOCK:
            await run_in_threadpool(file.write, block)
            block = bytearray()
    await run_in_threadpool(file.write, block)
    await run_in_threadpool(file.flush)
    return size
