"""Whatever is sent, as whoever: no fault of ours, and no answer that the document does not describe."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeAlias

import jsonschema_rs
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from core.context import ORCHESTRATOR, Context
from core.services import accounts, reports
from tests import builders

FEWEST_CASES = 2_000
CASES_PER_OPERATION = 40
"""Those that take nothing need fewer."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Operation: TypeAlias = schemathesis.APIOperation[Any, Any, Any, Any]
ROLES = ("professor", "monitor", "student", "orchestrator", "nobody")


@pytest.fixture
def app(ctx: Context) -> FastAPI:
    return create_app(ctx.settings, ctx)


@pytest.fixture
def client(app: FastAPI) -> Iterator[asgi.ASGIClient]:
    """One for all requests: to start and end the application for each takes longer than to answer."""
    with asgi.get_client(app) as opened:  # type: ignore[arg-type]  # its ASGI type is narrower
        yield opened


@pytest.fixture
def tokens(ctx: Context) -> dict[str, str | None]:
    """A world with submissions of every fate, and a token of each role."""
    world = builders.world(ctx)
    waiting, running, failed, _ = (
        builders.submit(ctx, world, key=f"key {number}").task_id for number in range(4)
    )
    builders.carry(ctx)
    reports.set_stage_statuses(ctx, ORCHESTRATOR, running, {"PARSING": 3, "EXECUTION": 2})
    builders.fail(ctx, ORCHESTRATOR, failed)
    reports.note_requeue(ctx, ORCHESTRATOR, waiting)
    people = {name: getattr(world, name) for name in ("professor", "monitor", "student")}
    made = {name: accounts.issue_api_token(ctx, actor.user_id) for name, actor in people.items()}
    return made | {"orchestrator": "test-callback-token", "nobody": None}


def headers(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def operations_of(app: FastAPI) -> list[Operation]:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    return [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]  # Err raises


@st.composite
def cases(draw: st.DrawFn, operation: Operation) -> schemathesis.Case[Any]:
    """Requests as described and others, every second time about something that exists."""
    has_input = bool(list(operation.iter_parameters()) or operation.body)
    mode = draw(st.sampled_from(GenerationMode)) if has_input else GenerationMode.POSITIVE
    case = draw(operation.as_strategy(generation_mode=mode))
    if draw(st.booleans()):
        for name in case.path_parameters or {}:
            case.path_parameters[name] = draw(st.integers(1, 5))
    return case


def quiet(examples: int, **more: Any) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        **more,
    )


def test_the_document_describes_every_route_with_its_errors(app: FastAPI) -> None:
    document = app.openapi()

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            assert operation.get("summary"), name
            assert operation.get("tags"), name
            assert {"500", "503"} <= set(operation["responses"]), name
            good = [status for status in operation["responses"] if status.startswith("2")]
            assert good, name
            for status in good:
                content = operation["responses"][status].get("content", {})
                assert status == "204" or all(
                    media != "application/json" or media_type["schema"]
                    for media, media_type in content.items()
                ), name


def test_every_shape_has_an_example_that_is_one(app: FastAPI) -> None:
    components = app.openapi()["components"]
    shapes = {name: shape for name, shape in components["schemas"].items() if shape["type"] == "object"}

    wrong = [
        f"{name}: {error.message}"
        for name, shape in shapes.items()
        for error in jsonschema_rs.validator_for(
            {"$ref": f"#/components/schemas/{name}", "components": components}
        ).iter_errors(shape.get("example", "none"))
    ]

    assert wrong == []
    assert len(shapes) > 60


def test_generated_clients_get_functions_with_names_of_their_own(app: FastAPI) -> None:
    paths = app.openapi()["paths"].values()
    names = [operation["operationId"] for operations in paths for operation in operations.values()]

    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+){0,3}", name)] == []


@pytest.mark.timeout(600)
def test_no_request_of_any_role_meets_a_fault_or_an_answer_that_is_not_described(
    app: FastAPI, client: asgi.ASGIClient, tokens: dict[str, str | None]
) -> None:
    counts = Counter[str]()

    for operation in operations_of(app):

        @quiet(CASES_PER_OPERATION)
        @given(case=cases(operation), role=st.sampled_from(ROLES))
        def ask(case: schemathesis.Case[Any], role: str) -> None:
            counts[role] += 1
            case.call_and_validate(session=client, headers=headers(tokens[role]), checks=CHECKS)

        ask()

    assert counts.total() >= FEWEST_CASES, counts
    assert min(counts[role] for role in ROLES) >= FEWEST_CASES / 10, counts


@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", ROLES)
def test_requests_that_follow_one_another_meet_none_either(
    app: FastAPI, client: asgi.ASGIClient, tokens: dict[str, str | None], role: str
) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)

    class Walk(schema.as_state_machine()):  # type: ignore[misc]  # a class made at run time
        def get_call_kwargs(self, _: schemathesis.Case[Any]) -> dict[str, Any]:
            return {"headers": headers(tokens[role]), "session": client}

        def validate_response(self, response: Any, case: schemathesis.Case[Any], **_: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    run_state_machine_as_test(Walk, settings=quiet(8, stateful_step_count=8))
