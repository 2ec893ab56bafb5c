"""What all sessions of this process share: settings, context, names of cookies."""

from __future__ import annotations

import asyncio
import gc
import importlib
import threading
from functools import cache

from core.bootstrap import open_context
from core.config import Settings
from core.context import Context

SESSION_COOKIE = "ulos_session"
NONCE_COOKIE = "ulos_nonce"
DEVICE_COOKIE = "ulos_device"
"""Says which accounts have signed in with this browser before."""
LINK_COOKIE = "ulos_link"
"""Holds the token of a link to set a password while its form is open."""

COLLECT_SECONDS = 60.0

_WARM = (
    "pandas",
    "pyarrow",
    "plotly.graph_objects",
    "babel.dates",
    "dashboard.charts",
    "dashboard.task_view",
)
_lock = threading.Lock()


@cache
def settings() -> Settings:
    """The settings, read once."""
    return Settings()


@cache
def _open() -> Context:
    return open_context(settings(), pool_size=10)


def context() -> Context:
    """The context of this process, opened by whoever asks first."""
    with _lock:
        return _open()


def warm_up() -> None:
    """Import what pages need, so that the first visitor does not wait for it."""
    for module in _WARM:
        importlib.import_module(module)


async def collect_garbage() -> None:
    """Collect what runs of pages leave in cycles, every minute, until cancelled."""
    while True:
        await asyncio.sleep(COLLECT_SECONDS)
        gc.collect()


def close() -> None:
    """Close the pool."""
    if _open.cache_info().currsize:
        context().db.dispose()
