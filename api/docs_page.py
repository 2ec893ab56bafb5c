"""`/docs`: Swagger UI from this server alone; FastAPI's own page loads it from elsewhere."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

_FILES = Path(fastapi_offline.__file__).parent / "static"
_SERVED = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
})
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ULOS API</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
"""All addresses are relative, so that the page works below the path of a reverse proxy."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CACHED = {"Cache-Control": "public, max-age=86400"}


def _page(_: Request) -> Response:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


def _start(_: Request) -> Response:
    return Response(_START, media_type="text/javascript", headers=_CACHED)


def _file(request: Request) -> Response:
    name = request.url.path.rsplit("/", 1)[1]
    return FileResponse(_FILES / name, media_type=_SERVED[name], headers=_CACHED)


ROUTES = [
    Route("/docs", _page),
    Route("/docs/start.js", _start),
    *(Route(f"/docs/{name}", _file) for name in _SERVED),
]
