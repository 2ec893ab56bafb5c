"""What pydantic finds wrong with a request, in the sentences of `core/errors`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from core import errors

_PLACES = frozenset({"body", "query", "path", "header", "cookie"})

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "string": "string",
        "int": "integer",
        "float": "number",
        "decimal": "number",
        "bool": "boolean",
        "datetime": "date-time",
        "timezone": "date-time",
        "date": "date",
        "list": "array",
        "tuple": "array",
        "set": "array",
        "dict": "object",
        "model": "object",
    }
)
"""First word of pydantic's error types → the word of JSON Schema."""

_BOUNDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "greater_than": (">", "gt"),
        "greater_than_equal": ("≥", "ge"),
        "less_than": ("<", "lt"),
        "less_than_equal": ("≤", "le"),
        "too_short": ("≥", "min_length"),
        "too_long": ("≤", "max_length"),
    }
)

_SHOWN = 100
"""Characters of a wrong value that are repeated."""


def explain(entries: Sequence[Mapping[str, Any]]) -> list[errors.Invalid]:
    """One error for each of pydantic's `entries`, with the field named."""
    return [_explain(entry) for entry in entries]


def field_of(location: Sequence[object]) -> str:
    """`("body", "stages", 0, "stage_name")` as `stages.0.stage_name`."""
    parts = [str(part) for part in location]
    if len(parts) > 1 and parts[0] in _PLACES:
        parts = parts[1:]
    return ".".join(parts)


def _explain(entry: Mapping[str, Any]) -> errors.Invalid:
    kind, field = str(entry["type"]), field_of(entry["loc"])
    context: Mapping[str, Any] = entry.get("ctx", {})
    if kind in _BOUNDS:
        sign, name = _BOUNDS[kind]
        return errors.OutOfBounds(field=field, bound=f"{sign} {context[name]}")
    if kind.startswith("string_too_"):
        return _length(kind, field, context)
    word = _TYPES.get(kind.split("_", maxsplit=1)[0])
    if word is not None and kind != "string_pattern_mismatch":
        return errors.WrongType(field=field, expected=word)
    value = str(entry.get("input"))[:_SHOWN]
    others: Mapping[str, errors.Invalid] = {
        "missing": errors.Required(field=field),
        "enum": errors.UnknownChoice(field=field, value=value),
        "literal_error": errors.UnknownChoice(field=field, value=value),
        "json_invalid": errors.NotJson(field="body"),
    }
    return others.get(kind, errors.NotUnderstood(field=field))


def _length(kind: str, field: str, context: Mapping[str, Any]) -> errors.Invalid:
    if kind == "string_too_long":
        return errors.TooLong(field=field, limit=context["max_length"])
    if context["min_length"] == 1:
        return errors.Required(field=field)
    return errors.TooShort(field=field, limit=context["min_length"])
