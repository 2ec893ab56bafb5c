"""The FastAPI application. Routes are thin: each calls one use case and answers what it returns."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from api import (
    account,
    assignments,
    auth,
    callback_tokens,
    callbacks,
    courses,
    definitions,
    docs_page,
    errors,
    health,
    metrics,
    monitoring,
    problems,
    roster,
    submit,
    tasks,
)
from api.definition_shapes import DefinitionChangeIn, DefinitionIn
from api.final_slash import FinalSlash
from core import logs
from core.bootstrap import open_context
from core.config import Settings
from core.context import Context
from core.standby import standing_by
from web.body_limit import BodyLimit
from web.headers import SecurityHeaders
from web.request_ids import RequestIds
from web.upload_slots import UploadSlots


class _Api(FastAPI):
    """FastAPI inside of the layers that both servers have, which reach its own error answers too."""

    def build_middleware_stack(self) -> ASGIApp:
        settings: Settings = self.state.settings
        return SecurityHeaders(RequestIds(super().build_middleware_stack()), lambda: settings)


def create_app(settings: Settings | None = None, ctx: Context | None = None) -> FastAPI:
    """The application; `ctx` is opened at start from `settings` unless it is handed in."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logs.configure(settings)
        app.state.ctx = ctx or open_context(settings, pool_size=20)
        gc.collect()
        gc.freeze()
        with standing_by(app.state.ctx):
            yield
        if ctx is None:
            app.state.ctx.db.dispose()

    app = _Api(
        title="ULOS",
        lifespan=lifespan,
        docs_url=None,  # api/docs_page.py has one that loads nothing from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,  # what generators name their functions by
    )
    app.add_middleware(FinalSlash)
    app.state.settings = settings
    app.state.upload_slots = UploadSlots()
    app.add_middleware(BodyLimit)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=[
            "Content-Disposition",
            "Content-Range",
            "ETag",
            "Link",
            "Retry-After",
            "X-Request-ID",
        ],
    )
    errors.install(app)
    for routes in (
        health.router,
        metrics.router,
        auth.router,
        account.router,
        courses.router,
        roster.router,
        callback_tokens.router,
        callbacks.router,
        tasks.router,
        submit.router,
        monitoring.router,
        definitions.router,
        assignments.router,
    ):
        app.include_router(routes)
    app.routes.extend(docs_page.ROUTES)
    problems.describe(app, DefinitionIn, DefinitionChangeIn)
    return app


app = create_app()
