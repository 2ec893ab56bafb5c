"""What tests over HTTP share: a client, and people who carry a token."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.testclient import TestClient

from core.context import Actor, Context
from core.services import accounts

Files = Sequence[tuple[str, bytes]]


def signed_in(ctx: Context, actor: Actor, language: str = "en") -> dict[str, str]:
    """Headers of a person."""
    token = accounts.issue_api_token(ctx, actor.user_id or 0)
    return {"Authorization": f"Bearer {token}", "Accept-Language": language}


def stage(name: str, file: str = "", **more: Any) -> dict[str, Any]:
    """A stage as contract 1.2 has it."""
    container = {
        "container_name": f"{name.lower()}-box",
        "container_description": "a box",
        "run_command": f"run {name.lower()}",
        "container_filename": file or f"{name.lower()}.tar.gz",
    }
    return {
        "stage_id": None,
        "stage_name": name,
        "stage_description": f"does {name.lower()}",
        "use_existing": False,
        "container": container,
    } | more


def definition(*stages: Mapping[str, object], name: str = "Cypress") -> dict[str, Any]:
    """A definition as contract 1.2 has it."""
    return {"definition_name": name, "definition_description": "tests a page", "stages": list(stages)}


def form(body: object, files: Files = ()) -> dict[str, Any]:
    """The arguments of a request that carries `body` and `files`."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "data": {"task_definition": text},
        "files": [("files", (name, content, "application/gzip")) for name, content in files]
        or [("nothing", ("", b""))],
    }


def create(
    client: TestClient, headers: Mapping[str, str], body: object | None = None, files: Files | None = None
) -> dict[str, Any]:
    """A definition of two stages, or as asked; what was answered."""
    body = body or definition(stage("PARSING"), stage("EXECUTION"))
    files = [("parsing.tar.gz", b"parse"), ("execution.tar.gz", b"execute")] if files is None else files
    answer = client.post("/task-definitions", headers=headers, **form(body, files))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
