"""Is the process alive, and can people work?"""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from api.deps import ContextDep
from core.services.health import check_components, is_ready

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok"}})

    status: str = "ok"


class Ready(BaseModel):
    """Whether people can work, and the state of each component: `ok`, or what is wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"ready": True, "components": {"database": "ok", "files": "ok", "worker": "ok"}}
        }
    )

    ready: bool
    components: dict[str, str]


@router.get("/healthz")
def get_health() -> Alive:
    """Answer as long as the process does."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready, "description": "A component is not ready"}})
def get_readiness(ctx: ContextDep, response: Response) -> Ready:
    """Each component with its state; 503 unless people can work, which they can while the worker is away."""
    components = check_components(ctx)
    healthy = is_ready(components)
    if not healthy:
        response.status_code = 503
    return Ready(ready=healthy, components=components)
