"""Errors as RFC 9457 problem JSON, with `detail` as a string (the web UI shows it)."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from core import errors
from core.logs import log_incident
from web.statuses import headers_of, status_of

MEDIA_TYPE = "application/problem+json"

_INCIDENT = {
    "en": "Something went wrong on our side. Tell us this number: {incident}",
    "es": "Algo falló de nuestro lado. Cuéntanos este número: {incident}",
}


def language_of(request: HTTPConnection) -> str:
    """Return `en` or `es`, whichever `Accept-Language` names first; Spanish when it names neither."""
    for part in request.headers.get("accept-language", "").lower().split(","):
        language = part.split(";")[0].strip()[:2]
        if language in {"en", "es"}:
            return language
    return "es"


def problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    """Return one problem document; `more` are members of its own kind (RFC 9457, section 3.2)."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail} | more,
        status_code=status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def problem_of(
    error: errors.UlosError, language: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the problem document of an expected error; programs get the field or the names with it."""
    more: dict[str, object] = {}
    if isinstance(error, errors.Invalid) and "field" in error.values:
        more = {"errors": [field_problem(error, language)]}
    elif isinstance(error, errors.InUse | errors.QueueTaken):
        more = {"names": list(error.names)}
    return problem(
        status_of(error),
        type(error).__name__,
        error.sentence(language),
        headers_of(error) | dict(headers or {}),
        **more,
    )


def field_problem(error: errors.Invalid, language: str) -> dict[str, str]:
    """Return the name of the field and the sentence about it."""
    return {"field": str(error.values["field"]), "detail": error.sentence(language)}


def incident(
    logger: logging.Logger, request: HTTPConnection, error: Exception, language: str
) -> JSONResponse:
    """Log an unexpected error and return the problem document with its incident id."""
    number = log_incident(logger, request.url.path, error)
    return problem(500, "Incident", _INCIDENT[language].format(incident=number))
