"""What routes ask for: the context, and on whose behalf they run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from core.context import Actor, Context
from core.errors import NotSignedIn
from core.services import accounts
from web.upload_slots import UploadSlots


def get_context(request: Request) -> Context:
    """The context of this process."""
    ctx: Context = request.app.state.ctx
    return ctx


ContextDep = Annotated[Context, Depends(get_context)]


_bearer = HTTPBearer(auto_error=False, description="A token of /auth/login, or an orchestrator's")


def get_bearer(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str:
    """The bearer token that came with the request, unchecked.

    Raises:
        NotSignedIn: none.

    """
    if credentials is None or not credentials.credentials.strip():
        raise NotSignedIn
    return credentials.credentials.strip()


BearerDep = Annotated[str, Depends(get_bearer)]


def get_actor(ctx: ContextDep, token: BearerDep) -> Actor:
    """Whose bearer token came with the request.

    Raises:
        NotSignedIn: none, or none that counts.

    """
    return accounts.actor_of_bearer(ctx, token)


ActorDep = Annotated[Actor, Depends(get_actor)]


@asynccontextmanager
async def upload_slot(request: Request, actor: Actor) -> AsyncIterator[None]:
    """Hold one of the places that `actor` has for uploads. On the event loop only.

    Raises:
        TooManyUploads: all of them stayed taken.

    """
    slots: UploadSlots = request.app.state.upload_slots
    async with slots.hold(actor.user_id or 0):
        yield
