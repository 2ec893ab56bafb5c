"""What tests of definitions over HTTP ask: which rows and files there are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from core.context import Context

BOTH = [("parsing.tar.gz", b"parse"), ("execution.tar.gz", b"execute")]


def images(ctx: Context) -> set[str]:
    return {file.path for file in ctx.storage.list_files(ctx.storage.path("images"))}


def count(ctx: Context, model: type) -> int:
    with ctx.db.transaction() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def paths(made: dict[str, Any]) -> list[str]:
    return [entry["container"]["remote_storage_path"] for entry in made["stages"]]


def read(ctx: Context, path: str) -> bytes:
    return b"".join(ctx.storage.stream(path))
