"""What errors look like in the OpenAPI document (RFC 9457); `web/problems.py` writes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from api.document_examples import share_examples, whole_examples
from web.problems import MEDIA_TYPE

_REF = "#/components/schemas/"
_FOREIGN = ("HTTPValidationError", "ValidationError")
"""FastAPI's own shapes, which nothing here answers with."""

_MEANINGS = {
    304: "What the caller has already is still right",
    400: "The request cannot be understood",
    401: "No valid credentials",
    403: "The role does not allow it",
    404: "It does not exist, or the caller may not know that it does",
    409: "Something is in the way",
    412: "It has changed meanwhile",
    413: "Larger than allowed",
    415: "Not an accepted kind of file",
    416: "The file does not reach that far",
    422: "A field cannot be accepted",
    429: "Too many attempts or uploads at once; see Retry-After",
    500: "A fault of ours, with its incident number",
    503: "A component is down; see Retry-After",
}

_ALWAYS = (500, 503)
_WITH_INPUT = 422


class FieldProblem(BaseModel):
    """What is wrong with one field. Parts of a path are joined by dots: `stages.0.stage_name`."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"field": "stages.0.stage_name", "detail": "This is needed."}}
    )

    field: str
    detail: str


class Problem(BaseModel):
    """An error for people (`detail`, in the language of `Accept-Language`) and programs (the rest)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "InUse",
                "status": 409,
                "detail": "It is in use by: Print a cube. Remove or change those first.",
                "names": ["Print a cube"],
            }
        }
    )

    type: str = "about:blank"
    title: str = Field(description="The kind of error, a stable word")
    status: int = Field(description="The HTTP status again")
    detail: str = Field(description="What happened and what to do")
    errors: list[FieldProblem] = Field(default=[], description="With 422: each field that is wrong")
    names: list[str] = Field(default=[], description="With 409: what is in the way")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may answer `statuses`.

    500, 503 and, where there is input, 422 are added to every route by `describe`.
    """
    return {status: _response(status) for status in statuses}


def describe(app: FastAPI, *models: type[BaseModel]) -> None:
    """Make the OpenAPI document of `app` say what `api/errors.py` answers.

    `models`: those that routes refer to by name in a body of their own description.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _correct(generate(), models)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to change the document


def _response(status: int) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _MEANINGS[status]}
    if status >= 400:  # noqa: PLR2004  where HTTP's errors begin
        response["content"] = {MEDIA_TYPE: {"schema": {"$ref": f"{_REF}Problem"}}}
    return response


def _correct(document: dict[str, Any], models: Sequence[type[BaseModel]]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    _, answered = models_json_schema([(Problem, "serialization")], ref_template=f"{_REF}{{model}}")
    _, asked = models_json_schema(
        [(model, "validation") for model in models], ref_template=f"{_REF}{{model}}"
    )
    schemas |= answered.get("$defs", {}) | asked.get("$defs", {})
    for name in _FOREIGN:
        schemas.pop(name, None)
    whole_examples(schemas)
    share_examples(schemas)
    for operation in _operations(document):
        for status in _ALWAYS:
            operation["responses"].setdefault(str(status), _response(status))
        if "requestBody" in operation:
            operation["responses"].setdefault("400", _response(400))
            operation["responses"].setdefault("413", _response(413))
        if "parameters" in operation or "requestBody" in operation:
            operation["responses"][str(_WITH_INPUT)] = _response(_WITH_INPUT)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (operation for operation in path.values() if isinstance(operation, dict))
