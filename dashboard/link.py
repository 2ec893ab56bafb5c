"""The page that one-time links open: it takes the token out of the fragment and posts it.

A fragment is sent to no server, so that neither a log nor a referrer holds the token. Opening a link
spends nothing.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from core.services.accounts import LINK_PATH
from dashboard import answers, process
from dashboard.registry import LINK_SCREEN

LINK_SECONDS = 3600

_FORM_BYTES = 1_000

_SCRIPT_PATH = f"{LINK_PATH}.js"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")

_TEXTS = {
    "es": (
        "Un momento…",
        "No se pudo abrir el enlace. Revisa tu conexión y vuelve a cargar la página.",
        "Esta página necesita JavaScript. Actívalo y vuelve a cargarla.",
    ),
    "en": (
        "One moment…",
        "The link could not be opened. Check your connection and load the page again.",
        "This page needs JavaScript. Turn it on and load the page again.",
    ),
}

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ULOS</title>
<link rel="icon" href="/favicon.png">
<script src="{script}" defer></script>
</head>
<body>
<main>
<p id="wait">{wait}</p>
<p id="failed" role="alert" hidden>{failed}</p>
<noscript><p>{noscript}</p></noscript>
</main>
</body>
</html>
"""

_SCRIPT = f"""(async () => {{
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  try {{
    const answer = await fetch("{LINK_PATH}", {{method: "POST", body: new URLSearchParams({{token}})}});
    if (answer.ok) {{
      location.replace("/{LINK_SCREEN}");
      return;
    }}
  }} catch {{
    // said below
  }}
  document.getElementById("wait").hidden = true;
  document.getElementById("failed").hidden = false;
}})();
"""
"""The address leaves the history once its token has been posted; until then it can be loaded again."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


def page(_: Request) -> Response:
    """Answer the page, which is the same for every link."""
    language = process.settings().language
    wait, failed, noscript = _TEXTS[language]
    html = _PAGE.format(language=language, script=_SCRIPT_PATH, wait=wait, failed=failed, noscript=noscript)
    return HTMLResponse(html, headers=_HEADERS)


def script(_: Request) -> Response:
    """Answer the script of the page."""
    return Response(_SCRIPT, media_type="text/javascript", headers=_HEADERS)


async def keep(request: Request) -> Response:
    """Keep the token in a cookie that scripts cannot read, for as long as the form is open."""
    answers.check_origin(request)
    form = await request.form(max_files=0, max_fields=1, max_part_size=_FORM_BYTES)
    token = str(form.get("token", ""))
    response = Response(status_code=204, headers=_HEADERS)
    if token:
        response.set_cookie(
            process.LINK_COOKIE,
            token if _TOKEN.fullmatch(token) else "",
            max_age=LINK_SECONDS,
            httponly=True,
            samesite="strict",
            secure=process.settings().cookie_secure,
        )
    return response


ROUTES = [
    Route(LINK_PATH, page, methods=["GET"]),
    Route(LINK_PATH, keep, methods=["POST"]),
    Route(_SCRIPT_PATH, script, methods=["GET"]),
]
