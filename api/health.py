"""Is the process alive, and can people work?"""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.deps import ContextDep
from core.services.health import check_components

router = APIRouter(tags=["health"])


@router.get("/healthz")
def alive() -> dict[str, str]:
    """Answer as long as the process does."""
    return {"status": "ok"}


@router.get("/readyz")
def ready(ctx: ContextDep) -> JSONResponse:
    """Each component with its state; 503 unless all are ready."""
    components = check_components(ctx)
    healthy = all(state == "ok" for state in components.values())
    return JSONResponse({"ready": healthy, "components": components}, 200 if healthy else 503)
