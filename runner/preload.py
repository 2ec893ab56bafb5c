"""Import what libraries would import later, while their files can still be read.

A runner that has given up root may not enter the folder that holds the project or the libraries.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import sys
import warnings

_PACKAGES = (
    "aioftp", "anyio", "asyncio", "concurrent.futures", "core.broker", "core.errors", "core.models",
    "core.storage", "core.wire", "email", "encodings", "h11", "http", "httpcore", "httpx", "json", "logging",
    "pika", "psycopg2", "runner", "sqlalchemy.dialects.postgresql", "sqlalchemy.engine",
    "sqlalchemy.ext", "sqlalchemy.orm", "sqlalchemy.pool", "sqlalchemy.sql", "sqlalchemy.util", "structlog",
    "urllib",
)  # fmt: skip
_SKIPPED = ("__main__", "pytest", "mypy", "test")
_DO_SOMETHING = {"__main__", "antigravity", "idlelib", "this", "tkinter", "turtle", "turtledemo"}
"""Modules of the standard library that open windows or print when they are imported."""


def preload() -> None:
    """Import the standard library and every module of the packages that the runner uses.

    Modules that do not fit here, of another system or for a library that is missing, are left out.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in sorted(sys.stdlib_module_names - _DO_SOMETHING):
            _try_import(name)
        for name in _PACKAGES:
            package = importlib.import_module(name)
            for found in pkgutil.walk_packages(package.__path__, f"{name}.", onerror=lambda _: None):
                if not any(part in found.name for part in _SKIPPED):
                    _try_import(found.name)


def _try_import(name: str) -> None:
    with contextlib.suppress(Exception):
        importlib.import_module(name)
