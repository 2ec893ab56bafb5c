"""What routes ask for: the context, and on whose behalf they run."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from core.context import Actor, Context
from core.errors import NotSignedIn
from core.services import accounts


def get_context(request: Request) -> Context:
    """The context of this process."""
    ctx: Context = request.app.state.ctx
    return ctx


ContextDep = Annotated[Context, Depends(get_context)]


def get_actor(ctx: ContextDep, authorization: Annotated[str, Header()] = "") -> Actor:
    """Whose bearer token came with the request.

    Raises:
        NotSignedIn: none, or none that counts.

    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn
    return accounts.actor_of_bearer(ctx, token.strip())


ActorDep = Annotated[Actor, Depends(get_actor)]
