"""Says on the terminal when a person can sign in."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

from core.config import Settings
from core.setup import done_mark

_EVERY_SECONDS = 0.2


def wait_until_ready(settings: Settings) -> None:
    """Poll both front doors until each says that it is ready, then print the one line."""
    dashboard = f"http://{settings.host}:{settings.dashboard_port}"
    api = f"http://{settings.host}:{settings.api_port}"
    while not done_mark(settings).exists():
        time.sleep(_EVERY_SECONDS)
    for address in (api, dashboard):
        while not _is_ready(f"{address}/readyz"):
            time.sleep(_EVERY_SECONDS)
    print(f"ready: dashboard {dashboard} api {api}", flush=True)  # noqa: T201  the promised line


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own address
            return bool(answer.status == 200)  # noqa: PLR2004  OK
    except (urllib.error.URLError, OSError):
        return False
