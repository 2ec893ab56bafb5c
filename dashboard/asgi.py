"""The dashboard's server: Streamlit with our routes for sessions, downloads and health."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from streamlit.starlette import App

from core import logs
from core.errors import NotFound, NotSignedIn
from core.services import accounts, assignments, definitions, results, submissions
from core.services.downloads import Download
from core.services.health import check_components, is_ready
from core.standby import standing_by
from dashboard import answers, document, exports, link, live, process, uploads
from dashboard.origin import OwnSocketsOnly
from dashboard.run_queue import RunQueue
from web.body_limit import BodyLimit
from web.headers import SecurityHeaders
from web.request_ids import RequestIds


@asynccontextmanager
async def lifespan(_: App) -> AsyncIterator[None]:
    """Import what pages need and take it out of the garbage collector's sight before anybody comes.

    Streamlit would collect everything after every script run; that is switched off in its
    configuration (`runner.postScriptGC`) and done now and then instead.
    """
    logs.configure(process.settings())
    process.warm_up()
    logs.adopt("streamlit", "uvicorn", "websockets")
    gc.collect()
    gc.freeze()
    live.CHANNEL.start()
    collecting = asyncio.create_task(process.collect_garbage())
    with standing_by(process.context()):
        yield
    collecting.cancel()
    await live.CHANNEL.stop()
    process.close()


async def start_session(request: Request) -> Response:
    """Trade the one-time ticket for the session cookie and go on to the page that was asked for."""
    answers.check_origin(request)
    form = await request.form(max_files=0)
    try:
        token, device = await run_in_threadpool(_redeem, request, str(form.get("ticket", "")))
    except NotSignedIn:
        return RedirectResponse("/", 303)
    response = RedirectResponse(_local_path(str(form.get("next", "/"))), 303)
    for name, value, life in (
        (process.SESSION_COOKIE, token, accounts.SESSION_LIFE),
        (process.DEVICE_COOKIE, device, accounts.DEVICE_LIFE),
    ):
        response.set_cookie(
            name,
            value,
            max_age=int(life.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=process.settings().cookie_secure,
        )
    response.delete_cookie(process.LINK_COOKIE)
    return response


def _redeem(request: Request, ticket: str) -> tuple[str, str]:
    """Return the values of the session's and of the device's cookie."""
    ctx = process.context()
    token = accounts.redeem_ticket(
        ctx,
        ticket=ticket,
        nonce=request.cookies.get(process.NONCE_COOKIE, ""),
        user_agent=request.headers.get("user-agent", ""),
    )
    session = accounts.find_session(ctx, token, touch=False)
    if session is None:  # the account was closed at this moment
        raise NotSignedIn
    known = request.cookies.get(process.DEVICE_COOKIE, "")
    return token, accounts.remember_device(ctx, known, session.person.id)


def _local_path(wanted: str) -> str:
    """`wanted` if it is a path of ours, else the first page: nobody is sent elsewhere."""
    return wanted if wanted.startswith("/") and not wanted.startswith(("//", "/\\")) else "/"


async def end_session(request: Request) -> Response:
    """Sign out, in every tab."""
    answers.check_origin(request)
    token = request.cookies.get(process.SESSION_COOKIE, "")
    await run_in_threadpool(accounts.end_session, process.context(), token)
    response = RedirectResponse("/", 303)
    response.delete_cookie(process.SESSION_COOKIE)
    return response


def download(request: Request) -> Response:
    """A file that the signed-in person may have, as a stream."""
    ctx = process.context()
    session = accounts.find_session(ctx, request.cookies.get(process.SESSION_COOKIE, ""))
    if session is None:
        raise NotSignedIn
    request.state.language = session.person.language
    file = _open(request, session)
    pieces = file.pieces
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.filename)}"}
    if file.size is not None:
        headers["Content-Length"] = str(file.size)
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


def _open(request: Request, session: accounts.SignedIn) -> Download:
    ctx, actor = process.context(), session.person.actor
    kind, number, part = (request.path_params[name] for name in ("kind", "number", "part"))
    if kind == "original":
        return submissions.open_original(ctx, actor, number)
    if kind == "results":
        return results.open_results(ctx, actor, number, part)
    if kind == "image":
        return definitions.open_image(ctx, actor, number, part)
    if kind == "statement":
        return assignments.open_statement(ctx, actor, number)
    raise NotFound(what="file")


def ready(_: Request) -> Response:
    """Each component with its state; 503 unless people can work."""
    components = check_components(process.context())
    healthy = is_ready(components)
    return JSONResponse({"ready": healthy, "components": components}, 200 if healthy else 503)


def alive(_: Request) -> Response:
    """Answer as long as the process does."""
    return JSONResponse({"status": "ok"})


_screens = App(
    "dashboard/app.py",
    lifespan=lifespan,
    exception_handlers=answers.HANDLERS,
    middleware=[Middleware(BodyLimit)],
    routes=[
        *document.ROUTES,
        *link.ROUTES,
        Route("/session/start", start_session, methods=["POST"]),
        Route("/session/end", end_session, methods=["POST"]),
        live.CHANNEL.route,
        *uploads.routes(process.context),
        Route("/files/{kind}/{number:int}/{part:int}", download),
        exports.ROUTE,
        Route("/readyz", ready),
        Route("/healthz", alive),
        answers.NOWHERE,
    ],
)
app = SecurityHeaders(RequestIds(OwnSocketsOnly(RunQueue(_screens), process.settings)), process.settings)
