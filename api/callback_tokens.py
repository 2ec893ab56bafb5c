"""Tokens of orchestrators, for admins (contract, section 4)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.deps import ActorDep, ContextDep
from api.problems import responses
from core.services import accounts
from core.services.accounts import CallbackTokenView
from core.vocabulary import Scope

router = APIRouter(prefix="/callback-tokens", tags=["callback tokens"])

TokenId = Annotated[int, Path(ge=1, lt=2**63)]


class CallbackTokenIn(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "lab printers", "scopes": ["logs", "status"]}}
    )

    name: str = Field(description="No living token has the same")
    scopes: list[Scope] = Field(
        description="logs: add to logs; status: move stages; requeue: note requeues; read: read tasks"
    )


_EXAMPLE: dict[str, JsonValue] = {
    "id": 2,
    "name": "lab printers",
    "scopes": ["logs", "status"],
    "created_at": "2026-03-02T15:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
}


class CallbackTokenOut(BaseModel):
    """A token as it is seen ever after."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: int
    name: str
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute")
    revoked_at: datetime | None


class NewCallbackTokenOut(CallbackTokenOut):
    """A token just made."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE | {"token": "ulos_5vY…"}})

    token: str = Field(description="Shown this once; only its hash is kept")


@router.get("", responses=responses(401, 403))
def list_callback_tokens(ctx: ContextDep, actor: ActorDep) -> list[CallbackTokenOut]:
    """All tokens, the living first."""
    return [_shape(view) for view in accounts.list_callback_tokens(ctx, actor)]


@router.post("", status_code=201, responses=responses(401, 403, 409))
def create_callback_token(ctx: ContextDep, actor: ActorDep, wanted: CallbackTokenIn) -> NewCallbackTokenOut:
    """Make a token."""
    made = accounts.create_callback_token(ctx, actor, name=wanted.name, scopes=wanted.scopes)
    return NewCallbackTokenOut(**_shape(made.view).model_dump(), token=made.token)


@router.delete("/{token_id}", status_code=204, responses=responses(401, 403, 404))
def revoke_callback_token(ctx: ContextDep, actor: ActorDep, token_id: TokenId) -> None:
    """The token is worth nothing from now on."""
    accounts.revoke_callback_token(ctx, actor, token_id)


def _shape(view: CallbackTokenView) -> CallbackTokenOut:
    return CallbackTokenOut(
        id=view.id,
        name=view.name,
        scopes=list(view.scopes),
        created_at=view.created_at,
        last_used_at=view.last_used_at,
        revoked_at=view.revoked_at,
    )
