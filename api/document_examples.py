"""Every shape of the document with an example, those that are part of others included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

_REF = "#/components/schemas/"

Schema = dict[str, Any]


def whole_examples(schemas: dict[str, Schema]) -> None:
    """Put the examples of our models back as they are written; FastAPI leaves out what is null."""
    for model in _descendants(BaseModel):
        extra = model.model_config.get("json_schema_extra")
        schema = schemas.get(model.__name__)
        if schema is not None and isinstance(extra, dict) and "example" in extra:
            schema["example"] = extra["example"]


def share_examples(schemas: dict[str, Schema]) -> None:
    """Give each of `schemas` without an example what the example of another has in its place."""
    waiting = [schema for schema in schemas.values() if "example" in schema]
    while waiting:
        schema = waiting.pop()
        for name, value in _pieces(schema, schema["example"]):
            part = schemas[name]
            if part.get("type") == "object" and "example" not in part and isinstance(value, dict):
                part["example"] = value
                waiting.append(part)


def _descendants(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        if model.__module__.startswith("api."):
            yield model
        yield from _descendants(model)


def _pieces(schema: Schema, value: object) -> Iterator[tuple[str, object]]:
    """Each named shape within `schema` with what `value` has there."""
    if "$ref" in schema:
        yield schema["$ref"].removeprefix(_REF), value
    for choice in schema.get("anyOf", ()):
        yield from _pieces(choice, value)
    if isinstance(value, dict):
        for key, below in schema.get("properties", {}).items():
            if key in value:
                yield from _pieces(below, value[key])
    if isinstance(value, list) and value:
        yield from _pieces(schema.get("items", {}), value[0])
